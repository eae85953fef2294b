import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { transformSync } from '@swc/core';
import { WebSocket } from 'ws';

const root = new URL('../', import.meta.url);
const read = (file) => readFileSync(new URL(file, root), 'utf8');
const examplesIn = (file) => [...read(file).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
const examples = examplesIn('README.md');
const frames = /```\n(→.*?)```/s.exec(read('README.md'))[1];

/** Runs an example as it stands, on a free port; gives what it declares under `name`. */
async function run(code, file, name) {
  const { code: plain } = transformSync(code.replace('port: 4001', 'port: 0'), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
  });
  const folder = new URL('node_modules/.cache/callboard/', root);
  mkdirSync(folder, { recursive: true });
  const url = new URL(file, folder);
  writeFileSync(url, `${plain}\nexport const example = ${name};\n`);
  return (await import(url.pathname)).example;
}

describe('the READMEs', () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  afterAll(() => log.mockRestore());

  test('the server runs, and answers as the frames below it show', async () => {
    const server = await run(examples[0], 'server.mjs', 'server');
    try {
      expect(examples[0].split('\n').length).toBeLessThanOrEqual(23);
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/callboard`, 'callboard.v1.json');
      const received = [];
      let arrived = () => {};
      socket.on('message', (data) => {
        received.push(JSON.parse(String(data)));
        arrived();
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      for (const line of frames.trim().split('\n')) {
        const [direction, text] = [line[0], line.slice(2)];
        if (direction === '→') {
          socket.send(text);
          continue;
        }
        if (received.length === 0) {
          await new Promise((resolve) => {
            arrived = resolve;
          });
        }
        const shown = JSON.parse(text.replace(/, …\}$/, '}'), (_, value) =>
          value === '…' ? expect.any(String) : value,
        );
        expect(received.shift()).toMatchObject(shown);
      }
      expect(log).toHaveBeenCalledWith('44 sent FETCH_RPC');
      expect(log).toHaveBeenCalledWith('a native event:', 'CLIENT_ONLINE');
    } finally {
      await server.disconnect();
    }
  });

  test('the plugin is on the server', async () => {
    const server = await run(examples[1], 'plugin.mjs', 'server');
    expect(server.applause.times()).toBe(0);
    expect(log).toHaveBeenCalledWith(0, { applause: { times: 0 } });
  });

  test('the example of core runs', async () => {
    const [example, ...others] = examplesIn('packages/core/README.md');
    const server = await run(example, 'core.mjs', 'server');
    expect(server.stats().status).toBe('stopped');
    expect(others).toEqual([]);
  });

  test('every example is run', () => {
    expect(examples).toHaveLength(2);
  });
});
