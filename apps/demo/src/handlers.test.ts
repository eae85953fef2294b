import { createHarness } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { handlers } from './handlers.ts';

test('ECHO says it back, TIME tells the time', async () => {
  const { connect } = await createHarness({ handlers: handlers() });
  const ann = await connect('ann');
  expect(await ann.expectReply(ann.call({ type: 'ECHO', text: 'hello' }))).toEqual({ text: 'hello' });
  expect(await ann.expectReply(ann.call({ type: 'TIME' }))).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});

test('a seat is taken once, whoever asks, until there is none', async () => {
  const { connect } = await createHarness({ handlers: handlers({ seats: 2 }) });
  const ann = await connect('ann');
  const ben = await connect('ben');
  expect(await ann.expectReply(ann.call({ type: 'TAKE_SEAT' }))).toEqual({ seat: 1, left: 1 });
  expect(await ben.expectReply(ben.call({ type: 'TAKE_SEAT' }))).toEqual({ seat: 2, left: 0 });
  await ann.expectError(ann.call({ type: 'TAKE_SEAT' }), 'SOLD_OUT');
});

test('a request that is sent again after a cut takes no second seat', async () => {
  const { connect } = await createHarness({ handlers: handlers() });
  const ann = await connect('ann');
  const mid = ann.call({ type: 'TAKE_SEAT' });
  ann.cut();
  await ann.resume();
  ann.request({ op: 'call', mid, action: { type: 'TAKE_SEAT' } });
  expect(await ann.expectReply(mid)).toEqual({ seat: 1, left: 23 });
  expect(await ann.expectReply(ann.call({ type: 'TAKE_SEAT' }))).toMatchObject({ seat: 2 });
});

test('MY_TABS are the clients of the user who asks, and whether they are there', async () => {
  const { connect } = await createHarness({ handlers: handlers() });
  const ann = await connect('ann');
  const away = await connect('ann');
  await connect('ben');
  away.cut();
  expect(await ann.expectReply(ann.call({ type: 'MY_TABS' }))).toEqual({
    tabs: [
      { clientId: ann.connected.clientId, online: true, connectedAt: expect.any(Number) },
      { clientId: away.connected.clientId, online: false, connectedAt: expect.any(Number) },
    ],
  });
});
