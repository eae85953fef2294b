/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/packages', '<rootDir>/apps', '<rootDir>/bench', '<rootDir>/scripts'],
  testMatch: ['**/src/**/*.test.ts', '<rootDir>/scripts/**/*.test.mjs'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.browser\\.test\\.ts$'],
  modulePathIgnorePatterns: ['/dist/'],
  testEnvironment: 'node',
  // Modules of Node's vm are never collected: a worker that has grown is replaced, and the heap stays small.
  maxWorkers: 2,
  workerIdleMemoryLimit: '700MB',
  // For what hangs. Nothing waits for real time, but a busy machine may be ten times as slow.
  testTimeout: 30_000,
  // Workspace packages resolve to their sources, so that tests need no build.
  testEnvironmentOptions: { customExportConditions: ['@callboard/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
        },
      },
    ],
  },
};
