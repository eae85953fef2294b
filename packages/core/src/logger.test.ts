import { silentLogger } from '@callboard/runtime';
import { afterEach, expect, jest, test } from '@jest/globals';
import { consoleLogger } from './logger.ts';

const write = jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
afterEach(() => {
  write.mockClear();
});
const written = () => write.mock.calls.map(([line]) => String(line));

test('a line has the time, the level, the message and the fields', () => {
  consoleLogger().info('the server runs', { port: 4001 });
  expect(written()).toEqual([
    expect.stringMatching(/^\d{4}-\S+Z info callboard: the server runs \{"port":4001\}\n$/),
  ]);
});

test('a cause is told with its stack, and what caused it', () => {
  const cause = new Error('outer', { cause: new TypeError('inner') });
  consoleLogger().error('failed', { cause });
  const [line] = written();
  expect(line).toMatch(/error callboard: failed\nError: outer\n {4}at /);
  expect(line).toMatch(/\ncaused by TypeError: inner\n/);
  consoleLogger().error('failed', { cause: 'a text' });
  expect(written()[1]).toMatch(/failed\na text\n$/);
});

test('what is below the level is not told; a silent logger tells nothing', () => {
  const quiet = consoleLogger({ level: 'warn' });
  quiet.debug('a');
  quiet.info('b');
  consoleLogger().debug('c');
  silentLogger.error('d');
  expect(written()).toEqual([]);
  quiet.warn('e');
  expect(written()).toHaveLength(1);
});
