import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { checkDependencies, readImports } from './check-dependencies.mjs';

let root;
afterEach(() => {
  if (root) rmSync(root, { recursive: true });
  root = undefined;
});

const manifests = {
  protocol: { dependencies: { '@standard-schema/spec': '1', zod: '4' } },
  core: {
    dependencies: { '@callboard/protocol': '0', rxjs: '7', tsyringe: '4', 'reflect-metadata': '0' },
    exports: { '.': {}, './jwt': {} },
  },
  client: { dependencies: { '@callboard/protocol': '0', '@callboard/core': '0' } },
  testkit: { dependencies: { '@callboard/core': '0', '@callboard/protocol': '0' } },
  'transport-ws': {
    dependencies: { '@callboard/core': '0', '@callboard/testkit': '0', ws: '8' },
    devDependencies: { mqtt: '5' },
  },
  'plugin-presence': {
    dependencies: { '@callboard/core': '0', '@callboard/plugin-notify': '0', '@callboard/transport-ws': '0' },
  },
  'plugin-notify': { dependencies: { '@callboard/core': '0', tsyringe: '4' } },
  'ingress-redis': {},
};

/** Writes a workspace with these sources (`folder/path` → text) and gives what the check says of it. */
function check(sources) {
  root = mkdtempSync(join(tmpdir(), 'dependencies-'));
  write('package.json', JSON.stringify({ devDependencies: { '@jest/globals': '30', 'fast-check': '4' } }));
  for (const [folder, manifest] of Object.entries(manifests)) {
    const whole = { name: `@callboard/${folder}`, exports: { '.': {} }, ...manifest };
    write(`packages/${folder}/package.json`, JSON.stringify(whole));
  }
  for (const [file, text] of Object.entries(sources)) write(`packages/${file}`, text);
  return checkDependencies(root);
}

function write(file, text) {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const broken = [
  [
    'protocol has no package at run time',
    'protocol/src/a.ts',
    "import { z } from 'zod';",
    /nothing but types/,
  ],
  [
    'protocol takes types alone',
    'protocol/src/a.ts',
    "import { x } from '@standard-schema/spec';",
    /nothing but types/,
  ],
  ['protocol does without Node', 'protocol/src/a.ts', "import { x } from 'node:fs';", /not even 'node:fs'/],
  [
    'protocol stands below core',
    'protocol/src/a.ts',
    "import type { x } from '@callboard/core';",
    /may not import core/,
  ],
  [
    'core stands below testkit',
    'core/src/a.ts',
    "import { x } from '@callboard/testkit';",
    /may not import testkit/,
  ],
  [
    'core knows no transport',
    'core/src/a.ts',
    "import { x } from '@callboard/transport-ws';",
    /may not import transport-ws/,
  ],
  ['client takes no core', 'client/src/a.ts', "import { x } from '@callboard/core';", /may not import core/],
  [
    'transports ship no testkit',
    'transport-ws/src/a.ts',
    "import { x } from '@callboard/testkit';",
    /may not import testkit/,
  ],
  [
    'testkit takes no transport',
    'testkit/src/a.ts',
    "import { x } from '@callboard/transport-ws';",
    /may not import transport-ws/,
  ],
  [
    'plugins are strangers',
    'plugin-presence/src/a.ts',
    "import { x } from '@callboard/plugin-notify';",
    /may not import plugin-notify/,
  ],
  [
    'a plugin knows no transport',
    'plugin-presence/src/a.ts',
    "import { x } from '@callboard/transport-ws';",
    /may not import transport-ws/,
  ],
  ['one file holds the container', 'core/src/a.ts', "import { x } from 'tsyringe';", /container\.ts alone/],
  [
    'in other packages too',
    'plugin-notify/src/container.ts',
    "import { x } from 'tsyringe';",
    /container\.ts alone/,
  ],
  ['and its metadata', 'core/src/a.ts', "import 'reflect-metadata';", /container\.ts alone/],
  ['no import into src', 'testkit/src/a.ts', "import { x } from '@callboard/core/src/a.ts';", /not exported/],
  [
    'no import past the exports',
    'testkit/src/a.ts',
    "import { x } from '@callboard/core/other';",
    /not exported/,
  ],
  ['no import by path', 'testkit/src/a.ts', "import { x } from '../../core/src/a.ts';", /leaves the package/],
  ['no import of oneself', 'core/src/a.ts', "import { x } from '@callboard/core';", /this package itself/],
  [
    'no unknown package',
    'core/src/a.ts',
    "import { x } from '@callboard/nowhere';",
    /no package of this workspace/,
  ],
  [
    'what is imported is declared',
    'testkit/src/a.ts',
    "import { x } from 'rxjs/operators';",
    /'rxjs' is not among/,
  ],
  ['for types as well', 'testkit/src/a.ts', "import type { x } from 'rxjs';", /'rxjs' is not among/],
  [
    'sources take no devDependencies',
    'transport-ws/src/a.ts',
    "import { x } from 'mqtt';",
    /'mqtt' is not among/,
  ],
  ['dynamic imports count', 'testkit/src/a.ts', "const x = await import('rxjs');", /'rxjs' is not among/],
  ['re-exports count', 'testkit/src/a.ts', "export * from 'rxjs';", /'rxjs' is not among/],
  ['builtins say so', 'core/src/a.ts', "import { x } from 'fs';", /write 'node:fs'/],
  ['tests declare as well', 'core/src/a.test.ts', "import { x } from 'mqtt';", /'mqtt' is not among/],
  [
    'tests respect the other arrows',
    'core/src/a.test.ts',
    "import { x } from '@callboard/client';",
    /may not import client/,
  ],
];

test.each(broken)('%s', (_name, file, text, message) => {
  const problems = check({ [file]: text });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
  expect(problems[0]).toContain(`packages/${file}: `);
});

test('a workspace that keeps the rules', () => {
  const problems = check({
    'protocol/src/a.ts': "import type { x } from '@standard-schema/spec';\nexport { y } from './b.ts';",
    'protocol/src/a.test.ts': "import fc from 'fast-check';\nimport { x } from 'node:fs';",
    'core/src/container.ts': "import 'reflect-metadata';\nimport { x } from 'tsyringe';",
    'core/src/a.ts': "import { x } from 'node:fs';\nimport { y } from '@callboard/protocol';\nimport 'rxjs';",
    'core/src/a.test.ts': "import { x } from '@callboard/testkit';\nimport { y } from '@jest/globals';",
    'client/src/a.ts': "import { x } from '@callboard/protocol';",
    'testkit/src/deep/a.ts': "import { x } from '@callboard/core/jwt';\nimport { y } from '../b.ts';",
    'transport-ws/src/a.test.ts': "import { x } from '@callboard/testkit';\nimport { y } from 'mqtt';",
    'plugin-notify/src/a.test.ts': "import { x } from '@callboard/transport-ws';",
    'ingress-redis/src/a.test.ts': "import { x } from '@callboard/client';",
  });
  expect(problems).toEqual([]);
});

test('comments and strings are no imports', () => {
  const source = `
    // import { a } from 'a';
    /* import { b } from 'b'; */
    /**
     * import('c')
     */
    const text = "import { d } from 'd'";
    export const from = 'e';
    import {
      type F,
      f,
    } from 'f';
    import g, * as all from "g";
  `;
  expect(readImports(source).map((found) => found.specifier)).toEqual(['f', 'g']);
});

test('this workspace keeps the rules', () => {
  expect(checkDependencies(resolve(import.meta.dirname, '..'))).toEqual([]);
});
