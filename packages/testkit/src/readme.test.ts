import { expect, test } from '@jest/globals';
import { createHarness } from './index.ts';

test('a shortlist survives a lost connection', async () => {
  const { server, clock, connect } = await createHarness({
    handlers: { PRICE: async ({ action }) => ({ cents: Number(action.stock) * 199 }) },
  });
  const phone = await connect(44);
  const laptop = await connect(44);

  expect(await phone.expectReply(phone.call({ type: 'PRICE', stock: 2 }))).toEqual({ cents: 398 });

  laptop.cut();
  phone.broadcast({ type: 'SHORTLIST_UPDATE', ids: [7, 9] });
  await clock.advanceAsync(30_000);
  expect(server.stats().clients).toEqual({ online: 1, resumable: 1, connecting: 0 });

  await laptop.resume();
  await laptop.expectMessage({ type: 'SHORTLIST_UPDATE', ids: [7, 9] });
  await laptop.expectNothing();
});
