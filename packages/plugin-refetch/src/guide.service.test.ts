import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Stage, type Watched } from '../test/stage.ts';
import { Waymark } from './waymark.ts';

/** The guide's lines for other languages, as they stand there, run by the programs that they are for; those by Redis in scripts/. */
const guide = readFileSync(new URL('../../../docs/refetch.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/```(sh|php|python)\n(.*?)```/gs)].map(
  ([, language = '', code = '']) => ({
    language,
    code,
  }),
);
const example = (language: string, place = 0) =>
  examples.filter((each) => each.language === language)[place]?.code ?? '';

const programs = { sh: 'sh', curl: 'curl', php: 'php', python: 'python3' } as const;
const isHere = (program: string) =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
const withPrograms = (...names: (keyof typeof programs)[]) =>
  required || names.every((name) => isHere(programs[name])) ? test : test.skip;

const key = 'a key for the examples';
const run = promisify(execFile);

describe('the guide, in a backend’s language', () => {
  let stage: Stage;
  let watched: Watched;
  beforeEach(async () => {
    stage = await Stage.open({ bumpKey: key, server: { port: 0, host: '127.0.0.1' } });
    stage.api.pages.set('/users/1', 1);
    watched = await (await stage.tab('bob')).watch('/users/1', { first: false });
  });
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
  });

  const says = async (language: 'sh' | 'php' | 'python', code: string) => {
    const { port } = stage.node.server;
    const text = code.replaceAll('localhost:4001', `127.0.0.1:${port}`).replace('<?php', '');
    const flag = language === 'php' ? '-r' : '-c';
    const { stdout } = await run(programs[language], [flag, text], {
      env: { ...process.env, BUMP_KEY: key },
    });
    await stage.pass(30);
    return stdout.trim();
  };

  test('has all of them', () => {
    expect(examples.map(({ language }) => language)).toEqual([
      'sh',
      'php',
      'python',
      'sh',
      'php',
      'python',
      'python',
    ]);
  });

  withPrograms('sh', 'curl')('curl', async () => {
    expect(await says('sh', example('sh'))).toBe('{"watched":1}');
    expect(watched.pages).toMatchObject([{ body: 1, reason: 'bump' }]);
  });

  withPrograms('php')('PHP', async () => {
    expect(await says('php', example('php'))).toBe('');
    expect(watched.pages).toMatchObject([{ body: 1, reason: 'bump' }]);
  });

  withPrograms('python')('Python', async () => {
    expect(await says('python', example('python'))).toBe('');
    expect(watched.pages).toMatchObject([{ body: 1, reason: 'bump' }]);
  });

  withPrograms('python')('a signed waymark in Python', async () => {
    const secret = 'a secret of the two';
    const header = new Waymark({ secret }).for('/users/1', Date.now());
    const asked = [
      [header, '/users/1', secret],
      [header, '/users/2', secret],
      [header, '/users/1', 'another secret, too'],
      [new Waymark({ secret }).for('/users/1', Date.now() - 400_000), '/users/1', secret],
    ];
    const code = `${example('python', 2)}\nprint([is_waymark(*each) for each in ${JSON.stringify(asked)}])`;
    expect(await says('python', code)).toBe('[True, False, False, False]');
  });
});
