import config from './jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...config,
  // One browser at a time.
  maxWorkers: 1,
  globalSetup: '<rootDir>/apps/demo/test/build-page.mjs',
  testMatch: ['**/src/**/*.browser.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
