import { createHarness } from '@callboard/testkit';
import { afterEach, beforeEach, jest, test } from '@jest/globals';
import { Pace } from '../streams/pace.ts';

/** As if there were so many readers that all that is published waits for the end of the turn. */
beforeEach(() => {
  jest.spyOn(Pace.prototype, 'takes').mockReturnValue(false);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const open = { canSubscribe: () => true, canPublish: () => true, filters: true };
const harness = () => createHarness({ channels: { 'news/#': open, 'last/#': { ...open, retain: true } } });

test('what is published in one turn comes once to a client with a filter and the channel itself', async () => {
  const { server, connect } = await harness();
  const [both, through] = [await connect(1), await connect(2)];
  await both.join(['news/1', 'news/#']);
  await through.join('news/#');
  for (const data of [1, 2, 3]) void server.publish('news/1', data);
  for (const tab of [both, through]) {
    for (const data of [1, 2, 3]) await tab.expectPublication({ data, offset: data });
    await tab.expectNothing();
  }
});

test('what was published comes before the last word of a server that stops', async () => {
  const { server, connect, until } = await harness();
  const tab = await connect(1);
  await tab.join('news/1');
  for (const data of [1, 2]) void server.publish('news/1', data);
  const stopped = server.disconnect();
  // All that a server does that has nothing to wait for, within one turn.
  for (let i = 0; i < 100; i++) await null;
  for (const data of [1, 2]) await tab.expectPublication({ data });
  await tab.expectClose('SERVER_SHUTDOWN');
  await until(stopped);
});

test('a last value is kept though nobody else needs the channel, and forgotten though it was just published', async () => {
  const { server, connect } = await harness();
  await server.publish('last/1', 1);
  const tab = await connect(1);
  await tab.join('last/1');
  await tab.expectPublication({ data: 1, retained: true });
  await server.publish('last/1', 2);
  server.channel('last/1').forgetLast();
  await tab.expectPublication({ data: 2 });
  const late = await connect(2);
  await late.join('last/1');
  await late.expectNothing();
});
