export { presenceStoreSuite, type StoreUnderTest, type SuiteRunner } from './store/store-suite.ts';
