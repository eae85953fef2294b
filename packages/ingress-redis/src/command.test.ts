import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Malformed, parseCommand } from './command.ts';

const parse = (command: object) => parseCommand(JSON.stringify({ v: 1, ...command }));

describe('a command', () => {
  test.each([
    { bump: '/users/1' },
    { bump: ['/users/1', '/shows/*'], version: 0, delayMs: 86_400_000 },
    { publish: 'product/42', data: { stock: 41 } },
    { publish: 'product/42', data: null, meta: { by: 'till 3' }, version: 7, key: 'sale-1' },
    { publish: 'product/42', data: { b64: 'AAE=' } },
    { send: 44, action: { type: 'PAID' } },
    { send: ['44', 12], action: { type: 'PAID', order: 7 } },
  ])('%j is one', (command) => {
    expect(parse(command)).toEqual(command);
  });

  test('has nothing that it is not known for', () => {
    expect(parse({ publish: 'product/42', data: 1, exclude: 'x', __proto__: { key: 'k' } })).toEqual({
      publish: 'product/42',
      data: 1,
    });
  });
});

describe('what is no command', () => {
  test.each([
    ['', 'it is no JSON'],
    ['{"v":1,', 'it is no JSON'],
    ['null', 'it is no object'],
    ['[1]', 'it is no object'],
    ['{"bump":"/users/1"}', 'v is not 1'],
    ['{"v":"1","bump":"/users/1"}', 'v is not 1'],
    ['{"v":2,"bump":"/users/1"}', 'v is not 1'],
  ])('%j: %s', (text, reason) => {
    expect(() => parseCommand(text)).toThrow(new Malformed(reason));
  });

  const paths = 'bump is not a path, nor 1 to 1000 of them';
  const users = 'send is no user id, nor 1 to 1000 of them';
  const delay = 'delayMs is no whole number from 0 to 86400000';
  const version = 'version is no whole number from 0 on';
  const action = { type: 'PAID' };
  test.each([
    [{}, 'it has not exactly one of bump, publish and send'],
    [{ bump: '/a', publish: 'a', data: 1 }, 'it has not exactly one of bump, publish and send'],
    [{ bump: 'users/1' }, paths],
    [{ bump: [] }, paths],
    [{ bump: ['/a', 7] }, paths],
    [{ bump: Array.from({ length: 1_001 }, () => '/a') }, paths],
    [{ bump: '/a', version: -1 }, version],
    [{ bump: '/a', version: 1.5 }, version],
    [{ bump: '/a', version: '1' }, version],
    [{ bump: '/a', delayMs: -1 }, delay],
    [{ bump: '/a', delayMs: 86_400_001 }, delay],
    [{ publish: 'product/+', data: 1 }, 'publish is no name of a channel'],
    [{ publish: '$inbox', data: 1 }, 'publish is no name of a channel'],
    [{ publish: 'a' }, 'data is missing, or is no data'],
    [{ publish: 'a', data: { b64: '?' } }, 'data is missing, or is no data'],
    [{ publish: 'a', data: 1, meta: [] }, 'meta is no object'],
    [{ publish: 'a', data: 1, key: '' }, 'key has not 1 to 255 characters'],
    [{ publish: 'a', data: 1, key: 'k'.repeat(256) }, 'key has not 1 to 255 characters'],
    [{ publish: 'a', data: 1, version: 2 ** 53 }, version],
    [{ send: '', action }, users],
    [{ send: [], action }, users],
    [{ send: [{}], action }, users],
    [{ send: 44 }, 'action is no object with a type'],
    [{ send: 44, action: { type: '' } }, 'action is no object with a type'],
  ])('%j: %s', (command, reason) => {
    expect(() => parse(command)).toThrow(new Malformed(reason));
  });

  test('is told as that and nothing else, whatever it is', () => {
    const orAny = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 3, arbitrary: good }, fc.jsonValue());
    const version = orAny(fc.nat());
    const optional: { requiredKeys: ['v'] } = { requiredKeys: ['v'] };
    const v = fc.constant(1);
    const almost = fc.oneof(
      fc.record(
        { v, bump: orAny(fc.constant('/users/1')), version, delayMs: orAny(fc.nat(1_000)) },
        optional,
      ),
      fc.record(
        {
          ...{ v, version },
          publish: orAny(fc.constant('product/1')),
          data: fc.jsonValue(),
          meta: orAny(fc.constant({})),
          key: orAny(fc.string()),
        },
        optional,
      ),
      fc.record(
        {
          v,
          send: orAny(fc.constant('44')),
          action: orAny(fc.constant({ type: 'A' })),
          bump: fc.jsonValue(),
        },
        optional,
      ),
    );
    let commands = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          almost.map((each) => JSON.stringify(each)),
        ),
        (text) => {
          try {
            parseCommand(text);
            commands++;
          } catch (error) {
            expect(error).toBeInstanceOf(Malformed);
          }
        },
      ),
      { numRuns: 2_000 },
    );
    expect(commands).toBeGreaterThan(20);
  });
});
