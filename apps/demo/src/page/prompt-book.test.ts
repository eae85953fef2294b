import { expect, test } from '@jest/globals';
import { PromptBook } from './prompt-book.ts';

test('the latest is first, and what is long ago is gone', () => {
  const book = new PromptBook();
  for (let i = 1; i <= 250; i++) book.write('line', `entry ${i}`);
  expect(book.get()).toHaveLength(200);
  expect(book.get()[0]).toMatchObject({ what: 'entry 250', recovered: false });
  expect(book.get().at(-1)).toMatchObject({ what: 'entry 51' });
  expect(new Set(book.get().map(({ id }) => id)).size).toBe(200);
});

test('a reply is written down with the time it took', async () => {
  const book = new PromptBook();
  const reply = await book.timed(
    'SEATS',
    async () => ({ left: 3 }),
    ({ left }) => `${left} left`,
  );
  expect(reply).toEqual({ left: 3 });
  expect(book.get()).toMatchObject([{ kind: 'reply', what: 'SEATS', about: '3 left' }]);
  expect(book.get()[0]?.tookMs).toBeGreaterThanOrEqual(0);
});

test('a failure is written down with its code, and goes on to who asked', async () => {
  const book = new PromptBook();
  const error = Object.assign(new Error('no'), { code: 'SOLD_OUT' });
  await expect(book.timed('SEATS', () => Promise.reject(error))).rejects.toBe(error);
  expect(book.get()).toMatchObject([{ kind: 'failure', what: 'SEATS', about: 'SOLD_OUT' }]);
  expect(book.get()[0]).not.toHaveProperty('tookMs');
});

test('who listens is told of each entry', () => {
  const book = new PromptBook();
  let told = 0;
  const stop = book.subscribe(() => void told++);
  book.write('line', 'one');
  stop();
  book.write('line', 'two');
  expect(told).toBe(1);
});
