import config from './jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...config,
  globalSetup: '<rootDir>/apps/demo/test/build-page.mjs',
  testMatch: ['**/src/**/*.browser.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
