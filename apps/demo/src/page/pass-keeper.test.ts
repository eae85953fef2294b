import { expect, test } from '@jest/globals';
import { Passes } from '../passes.ts';
import { PassKeeper } from './pass-keeper.ts';

const passes = new Passes('a secret of this test, 32 bytes long or more');
const hourMs = 3_600_000;
const user = { id: 'orla', name: 'Orla Finch', role: 'Stage manager' };

async function keeper(renew: (token: string) => Promise<{ token: string; user: typeof user }>) {
  const first = await passes.issue('orla');
  const time = { now: Date.now() };
  const kept: string[] = [];
  const pass = new PassKeeper(
    { token: first, user },
    { renew, renewed: ({ token }) => void kept.push(token), now: () => time.now },
  );
  return { pass, first, time, kept };
}

test('is renewed once more than half of its eight hours are over, whoever asks', async () => {
  const asked: string[] = [];
  const { pass, first, time, kept } = await keeper(async (token) => {
    asked.push(token);
    return { token: `${first.split('.', 2).join('.')}.another`, user };
  });
  time.now += 4 * hourMs - 2_000;
  expect(await pass.fresh()).toBe(first);
  time.now += 4_000;
  const fresh = await Promise.all([pass.fresh(), pass.fresh()]);
  expect(asked).toEqual([first]);
  expect(fresh).toEqual([pass.token, pass.token]);
  expect(kept).toEqual([pass.token]);
  expect(pass.token).not.toBe(first);
  expect(pass.user).toBe(user);
});

test('that cannot be renewed stays as it is, and is tried again', async () => {
  let attempts = 0;
  const { pass, first, time, kept } = await keeper(async () => {
    attempts++;
    throw new Error('nobody answers');
  });
  time.now += 9 * hourMs;
  expect([await pass.fresh(), await pass.fresh()]).toEqual([first, first]);
  expect(attempts).toBe(2);
  expect(kept).toEqual([]);
});

test('that is no JWT is renewed by who knows what it is', async () => {
  const pass = new PassKeeper(
    { token: 'opaque', user },
    { renew: async () => ({ token: 'another', user }), renewed: () => {} },
  );
  expect(await pass.fresh()).toBe('another');
});

test('that is exchanged is waited for by whoever wants a fresh one', async () => {
  const { pass, first, kept } = await keeper(async () => ({ token: first, user }));
  let give = (_: string | undefined) => {};
  const exchanged = pass.exchange(
    () =>
      new Promise((resolve) => {
        give = resolve;
      }),
  );
  const fresh = pass.fresh();
  await Promise.resolve();
  expect(pass.token).toBe(first);
  const another = await passes.issue('orla', { tokenVersion: 2 });
  give(another);
  expect([await exchanged, await fresh, pass.token]).toEqual([undefined, another, another]);
  expect(kept).toEqual([another]);
});

test('that is not exchanged after all stays as it is', async () => {
  const { pass, first, kept } = await keeper(async () => ({ token: first, user }));
  await pass.exchange(async () => undefined);
  const wrong = new Error('not your password');
  await expect(pass.exchange(() => Promise.reject(wrong))).rejects.toBe(wrong);
  expect(await pass.fresh()).toBe(first);
  expect(kept).toEqual([]);
});
