export { notifyStoreSuite, type StoreUnderTest, type SuiteRunner } from './store-suite.ts';
