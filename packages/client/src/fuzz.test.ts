import type { ServerFrame } from '@callboard/protocol';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ScriptedClient } from '../test/scripted-client.ts';
import { connected, limits } from '../test/scripted-transport.ts';

/*
 * Whatever a server sends, in whatever order: nothing is thrown at the transport or left unhandled, every send settles,
 * and the client stays, or comes back as soon as it finds a server that is in its right mind.
 */

const escaped: unknown[] = [];
const catching = (error: unknown) => void escaped.push(error);
beforeEach(() => {
  escaped.length = 0;
  process.on('unhandledRejection', catching);
  process.on('uncaughtException', catching);
});
afterEach(() => {
  process.off('unhandledRejection', catching);
  process.off('uncaughtException', catching);
});

const type = fc.constantFrom('A', 'STATUS_CHANGE', 'CLIENT_LOST', '__proto__', 'constructor', '');
const action = fc.record({
  type,
  userId: fc.constantFrom('44', '12'),
  status: fc.constantFrom('AWAY', 'ODD'),
});
const offset = fc.oneof(fc.nat(9), fc.constantFrom(-1, 1.5, 2 ** 53, null));
const position = fc.record(
  { epoch: fc.constantFrom('epoch-1', 'epoch-2'), offset },
  { requiredKeys: ['epoch'] },
);
const number = fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.constantFrom(null, -1, 1e12, 'many'));
const names = Object.keys(limits);
const announced = fc.array(number, { minLength: names.length, maxLength: names.length });
const channels = ['a/b', 'a/+', '#', 'toString', ''];
const name = fc.constantFrom(...channels, '$inbox', '__proto__');
const stream = fc.oneof(position, fc.constant({ recovered: false }), fc.jsonValue());
/** What may answer a request about channels, or nearly. */
const result = fc.oneof(
  fc.jsonValue(),
  fc.record({ streams: fc.dictionary(name, stream) }),
  fc.record({ outcome: fc.constantFrom('stale', 7) }),
  fc.record(
    { publications: fc.array(fc.record({ offset, data: fc.jsonValue() })), position, before: position },
    { requiredKeys: [] },
  ),
);
const frame: fc.Arbitrary<object> = fc.oneof(
  fc.record({ op: fc.constant('reply'), mid: offset, result, offset }, { requiredKeys: ['op', 'mid'] }),
  fc.record({
    op: fc.constant('error'),
    mid: offset,
    code: fc.constantFrom('HANDLER_TIMEOUT', 'RATE_LIMITED', 'OUTCOME_UNKNOWN', 'toString', 7),
    message: fc.constantFrom('why', null),
    retryable: fc.boolean(),
    retryAfterMs: number,
  }),
  fc.record({ op: fc.constant('message'), offset, action }),
  fc.record({ op: fc.constant('event'), event: action }),
  fc.record({ op: fc.constant('gap'), stream: name, from: position, to: position }),
  fc.record(
    {
      ...{ op: fc.constant('publication'), channel: name, epoch: fc.constantFrom('epoch-1', 'epoch-2', 7) },
      ...{ offset, data: fc.jsonValue() },
      ...{ retained: fc.constantFrom(true, 'yes'), meta: fc.jsonValue(), version: offset },
    },
    { requiredKeys: ['op', 'channel', 'epoch', 'offset'] },
  ),
  fc.record(
    {
      ...{ op: fc.constant('unsubscribed'), channels: fc.oneof(fc.array(name), fc.jsonValue()) },
      ...{ code: fc.constantFrom('FORBIDDEN', 'ODD', 7), message: type, retryable: fc.boolean() },
    },
    { requiredKeys: ['op', 'channels', 'code', 'retryable'] },
  ),
  fc.record({ op: fc.constant('ping'), offset }, { requiredKeys: ['op'] }),
  fc.record({
    op: fc.constant('disconnect'),
    code: fc.integer({ min: 0, max: 6_000 }),
    reason: type,
    afterMs: number,
  }),
  announced.map((values) => ({
    ...connected({ resumed: values[0] === null }),
    limits: Object.fromEntries(names.map((name, i) => [name, values[i]])),
    pingIntervalMs: values[1],
    expiresAtMs: values[2] ?? undefined,
  })),
  fc.record({ op: fc.constantFrom('later', 'connect', 'toString'), mid: offset }),
);
const text = fc.oneof(
  { weight: 8, arbitrary: frame.map((each) => JSON.stringify(each)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc.constantFrom('{"op":"ping","__proto__":{}}', '{"op":"message"}', '{"op":"connected"}'),
  },
);
const deed = fc.oneof(
  { weight: 6, arbitrary: text.map((received) => ({ received })) },
  { weight: 1, arbitrary: fc.record({ passed: fc.integer({ min: 1, max: 40_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { cut: 1006 },
      { cut: 3000 },
      { send: true as const },
      { welcome: true as const },
    ),
  },
);

async function run(
  deeds: readonly Partial<{ received: string; passed: number; cut: number; send: true; welcome: true }>[],
) {
  const stage = new ScriptedClient({ token: () => 'token', resend: true });
  const { client, clock } = stage;
  let [sent, settled] = [0, 0];
  const done = () => void settled++;
  for (const event of ['A', 'CLIENT_LOST', 'STATUS_CHANGE']) client.subscribe(event, () => {});
  for (const each of channels) client.channel(each).subscribe(() => {});
  await stage.opened();
  stage.receive(connected());
  let { server } = stage;
  for (const { received, passed, cut, send, welcome } of deeds) {
    await clock.settle();
    if (server !== stage.server) {
      server = stage.server;
      server.open();
    }
    if (received !== undefined) server.receive(received);
    if (passed !== undefined) await clock.advanceAsync(passed);
    if (cut !== undefined) server.cut(cut);
    if (welcome) server.receive(connected());
    if (send) {
      const channel = client.channel('a/b');
      const send = [
        () => client.sendToServer({ type: 'A' }),
        () => channel.publish(1),
        () => channel.history(),
      ];
      send[sent++ % 3]?.().then(done, done);
    }
  }
  // A server in its right mind.
  await clock.advanceAsync(40_000);
  expect(settled).toBe(sent);
  client.drop();
  client.connect();
  await stage.opened();
  stage.receive(connected({ session: 'at last' }) as ServerFrame);
  expect(stage.state).toBe('online');
  await stage.answerAll();
  const call = client.sendToServer({ type: 'WELL' });
  await clock.settle();
  for (const each of stage.server.takeActions())
    if (each.action.type === 'WELL') stage.receive({ op: 'reply', mid: each.mid, result: 'well' });
  expect(await call).toBe('well');
  for (let turn = 0; turn < 3; turn++) await stage.answerAll();
  await Promise.all(channels.map((each) => client.channel(each).joined()));
  await client.close();
  await clock.settle();
  expect(clock.pendingTimers).toBe(0);
}

test('a server gone wrong harms nothing but its connection', async () => {
  await fc.assert(fc.asyncProperty(fc.array(deed, { maxLength: 30, size: 'max' }), run), {
    numRuns: 300,
    seed: 20_261_121,
  });
  expect(escaped).toEqual([]);
}, 60_000);
