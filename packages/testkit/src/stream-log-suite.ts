import assert from 'node:assert/strict';
import {
  type Awaitable,
  type Draft,
  type Entry,
  keyLimits,
  type Retention,
  type StreamLog,
} from '@callboard/core';

/** A log under test, and what the suite must be able to do to it. */
export interface StreamLogUnderTest {
  readonly log: StreamLog;
  /** Lets `ms` pass as far as the log's retention is concerned. */
  advance(ms: number): Awaitable<void>;
  /** Waits until all that was appended was followed. Default: that is so at once. */
  settle?(): Awaitable<void>;
  /** What the log still holds of any stream: entries, keys, timers. Default: not checked. */
  left?(): Awaitable<number>;
  /** Called after each test. */
  close?(): Awaitable<void>;
}

/** `describe` and `test` of jest, vitest or `node:test`. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

export interface StreamLogSuiteOptions {
  /** How many streams come and go in the test for leaks. Default 100,000. */
  readonly manyStreams?: number;
}

const generous: Retention = { maxEntries: 1_000, maxLength: 1_000_000, ttlMs: 60_000 };
const nowhere = { epoch: '', offset: 0 };
const outcome = 'published';

/** What every `StreamLog` must do. `make` gives each test a log of its own that keeps as much as it is told to. */
export function streamLogSuite(
  name: string,
  make: (retention: Retention) => Awaitable<StreamLogUnderTest>,
  { describe, test }: SuiteRunner,
  options: StreamLogSuiteOptions = {},
): void {
  const check = (
    title: string,
    body: (subject: Subject) => Promise<void>,
    retention: Partial<Retention> = {},
  ) =>
    test(title, async () => {
      const underTest = await make({ ...generous, ...retention });
      try {
        await body(new Subject(underTest));
      } finally {
        await underTest.close?.();
      }
    });

  describe(`${name} is a stream log`, () => {
    check('a stream begins at offset 0 of an epoch, and its offsets are 1, 2, 3 …', async ({ log }) => {
      const { epoch, offset } = await log.open('s', ignore);
      assert.equal(offset, 0);
      assert.ok(epoch.length > 0);
      for (const next of [1, 2, 3])
        assert.deepEqual(await log.append('s', body(next)), { epoch, offset: next, outcome });
      assert.deepEqual(await log.position('s'), { epoch, offset: 3 });
    });

    check('appends made at the same time get one offset each, without holes', async ({ log, offsets }) => {
      await log.open('s', ignore);
      const bodies = Array.from({ length: 50 }, (_, i) => `body ${i}`);
      const positions = await Promise.all(bodies.map((each) => log.append('s', { body: each })));
      assert.deepEqual(positions.map((each) => each?.offset).sort(ascending), range(1, 50));
      const page = await log.read('s', nowhere, 100);
      assert.deepEqual(offsets(page), range(1, 50));
      for (const [i, position] of positions.entries())
        assert.equal(page?.entries[(position?.offset ?? 0) - 1]?.body, bodies[i]);
    });

    check('streams know nothing of each other', async ({ log, offsets }) => {
      await log.open('a', ignore);
      await log.open('b', ignore);
      await log.append('a', body(1));
      await log.append('b', body(1));
      await log.append('a', body(2));
      await log.release('b');
      assert.deepEqual(offsets(await log.read('a', nowhere, 10)), [1, 2]);
      assert.equal((await log.position('a'))?.offset, 2);
    });

    check('an append to a stream that is not pinned is undefined and has no effect', async ({ log }) => {
      assert.equal(await log.append('s', body(1)), undefined);
      assert.equal(await log.position('s'), undefined);
      assert.equal(await log.read('s', nowhere, 10), undefined);
      assert.equal((await log.open('s', ignore)).offset, 0);
      assert.deepEqual((await log.read('s', nowhere, 10))?.entries, []);
    });

    check(
      'a stream that was released is forgotten, and begins anew in a fresh epoch',
      async ({ log, offsets }) => {
        const first = await log.open('s', ignore);
        await log.append('s', body(1));
        await log.release('s');
        assert.equal(await log.append('s', body(2)), undefined);
        assert.equal(await log.position('s'), undefined);
        assert.equal(await log.read('s', first, 10), undefined);

        const second = await log.open('s', ignore);
        assert.notEqual(second.epoch, first.epoch);
        assert.equal(second.offset, 0);
        await log.append('s', body(3));
        const page = await log.read('s', { epoch: first.epoch, offset: 1 }, 10);
        assert.equal(page?.epoch, second.epoch);
        assert.deepEqual(offsets(page), [1]);
      },
    );

    check('releasing a stream that is not pinned does nothing', async ({ log }) => {
      await log.release('s');
      const { epoch } = await log.open('s', ignore);
      await log.release('t');
      assert.deepEqual(await log.append('s', body(1)), { epoch, offset: 1, outcome });
    });

    check('reads what is after a position, page by page', async ({ log, offsets }) => {
      const { epoch } = await log.open('s', ignore);
      for (const each of range(1, 10)) await log.append('s', body(each));
      const from = async (offset: number, max: number) =>
        offsets(await log.read('s', { epoch, offset }, max));
      assert.deepEqual(await from(0, 4), [1, 2, 3, 4]);
      assert.deepEqual(await from(4, 4), [5, 6, 7, 8]);
      assert.deepEqual(await from(8, 4), [9, 10]);
      assert.deepEqual(await from(10, 4), []);
      assert.deepEqual(await from(99, 4), []);
      const page = await log.read('s', { epoch, offset: 4 }, 4);
      assert.deepEqual([page?.epoch, page?.head], [epoch, 10]);
    });

    check('reads from the oldest entry after a position of another epoch', async ({ log, offsets }) => {
      await log.open('s', ignore);
      for (const each of range(1, 3)) await log.append('s', body(each));
      assert.deepEqual(offsets(await log.read('s', { epoch: 'another', offset: 2 }, 10)), [1, 2, 3]);
    });

    check('keeps bodies, `only` and `exclude` as they were given', async ({ log, settle }) => {
      const followed: Entry[] = [];
      await log.open('s', (entry) => followed.push(entry));
      const drafts: Draft[] = [
        { body: '{"a":"ä€😀\\u0000\\n"}', only: 'client 1' },
        { body: '', exclude: 'client 2' },
        { body: 'x'.repeat(100_000) },
      ];
      for (const draft of drafts) await log.append('s', draft);
      await settle();
      const expected = drafts.map((draft, i) => ({
        only: undefined,
        exclude: undefined,
        ...draft,
        offset: i + 1,
      }));
      const fields = ({ body, only, exclude, offset }: Entry) => ({ body, only, exclude, offset });
      assert.deepEqual((await log.read('s', nowhere, 10))?.entries.map(fields), expected);
      assert.deepEqual(unique(followed).map(fields), expected);
    });

    check('keeps what a gateway was given: bytes, and what need not be kept for later', async (subject) => {
      const { log, settle } = subject;
      const followed: Entry[] = [];
      await log.open('s', (entry) => followed.push(entry));
      const payload = Uint8Array.of(0, 0x80, 0xff, 0x0a);
      const drafts: Draft[] = [
        { body: '1', payload, atMostOnce: true },
        { body: '2', payload: new Uint8Array(), only: 'client 1' },
        { body: '3', payload: Buffer.from('21.50'), exclude: 'client 2' },
        { body: '4' },
      ];
      for (const draft of drafts) await log.append('s', draft);
      await settle();
      const fields = ({ body, payload, atMostOnce = false, only, exclude }: Entry | Draft) => {
        const bytes = payload && Buffer.from(payload).toString('hex');
        return { body, bytes, atMostOnce, only, exclude };
      };
      assert.deepEqual((await log.read('s', nowhere, 10))?.entries.map(fields), drafts.map(fields));
      assert.deepEqual(unique(followed).map(fields), drafts.map(fields));
    });

    check('every entry after the returned head is followed, with its epoch', async ({ log, settle }) => {
      const followed: Entry[] = [];
      const epochs = new Set<string>();
      const { epoch } = await log.open('s', (entry, of) => {
        followed.push(entry);
        epochs.add(of);
      });
      await Promise.all(range(1, 20).map((each) => log.append('s', body(each))));
      await settle();
      assert.deepEqual(
        unique(followed).map((entry) => entry.offset),
        range(1, 20),
      );
      assert.deepEqual([...epochs], [epoch]);
      assert.deepEqual(
        unique(followed).map((entry) => entry.body),
        (await log.read('s', nowhere, 100))?.entries.map((entry) => entry.body),
      );
    });

    check('an entry that was followed can be read, while it is being followed', async ({ log, settle }) => {
      const reads: Promise<unknown>[] = [];
      const { epoch } = await log.open('s', (entry) => {
        const read = async () => {
          const page = await log.read('s', { epoch, offset: entry.offset - 1 }, 1);
          assert.equal(page?.entries[0]?.offset, entry.offset);
        };
        reads.push(read());
      });
      for (const each of range(1, 5)) await log.append('s', body(each));
      await settle();
      await Promise.all(reads);
      assert.ok(reads.length >= 5);
    });

    check(
      'keeps so many entries, and reads on from the oldest',
      async ({ log, offsets }) => {
        const { epoch } = await log.open('s', ignore);
        for (const each of range(1, 100)) await log.append('s', body(each));
        const page = await log.read('s', { epoch, offset: 1 }, 1_000);
        assert.deepEqual(offsets(page), range(91, 100));
        assert.equal(page?.head, 100);
        assert.deepEqual(offsets(await log.read('s', { epoch, offset: 95 }, 2)), [96, 97]);
        assert.deepEqual(offsets(await log.read('s', { epoch, offset: 0 }, 2)), [91, 92]);
      },
      { maxEntries: 10 },
    );

    check(
      'keeps bodies up to so many UTF-16 units',
      async ({ log, offsets }) => {
        await log.open('s', ignore);
        for (const each of range(1, 9)) await log.append('s', { body: String(each).repeat(30) });
        assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [7, 8, 9]);
        await log.append('s', { body: 'x'.repeat(101) });
        const page = await log.read('s', nowhere, 100);
        assert.deepEqual([offsets(page), page?.head], [[], 10]);
      },
      { maxLength: 100 },
    );

    check('keeps bodies up to so many bytes, where that is asked for', async ({ log, offsets }) => {
      const retention = { ...generous, maxBytes: 100 };
      await log.open('s', ignore, retention);
      for (const each of range(1, 9)) await log.append('s', { body: `${'€'.repeat(10)}${each}` });
      assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [7, 8, 9]);
      await log.append('s', { body: '€'.repeat(34) });
      const page = await log.read('s', nowhere, 100);
      assert.deepEqual([offsets(page), page?.head], [[], 10]);
      await log.append('s', { body: 'x'.repeat(100) });
      assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [11]);
    });

    check('does not append what is older than the newest version', async ({ log, offsets }) => {
      const { epoch } = await log.open('s', ignore);
      const append = (version?: number) =>
        log.append('s', { body: String(version), ...(version !== undefined && { version }) });
      for (const [version, became, offset] of [
        [5, 'published', 1],
        [4, 'stale', 1],
        [5, 'published', 2],
        [undefined, 'published', 3],
        [0, 'stale', 3],
        [6, 'published', 4],
        [5, 'stale', 4],
      ] as const)
        assert.deepEqual(await append(version), { epoch, offset, outcome: became });
      const page = await log.read('s', nowhere, 100);
      assert.deepEqual(offsets(page), [1, 2, 3, 4]);
      assert.deepEqual(
        page?.entries.map(({ body }) => body),
        ['5', '5', 'undefined', '6'],
      );
    });

    check('takes the highest of many versions, whatever the order', async ({ log }) => {
      await log.open('s', ignore);
      const versions = range(1, 200).map((each) => (each * 73) % 211);
      const taken = await Promise.all(
        versions.map((version) => log.append('s', { body: String(version), version })),
      );
      const page = await log.read('s', nowhere, 1_000);
      const bodies = page?.entries.map(({ body }) => Number(body)) ?? [];
      assert.ok(bodies.every((each, i) => i === 0 || each > Number(bodies[i - 1])));
      assert.equal(bodies.at(-1), Math.max(...versions));
      assert.equal(taken.filter((each) => each?.outcome === 'published').length, bodies.length);
    });

    check('appends what comes under one key once, for as long as it is remembered', async (subject) => {
      const { log, advance, offsets } = subject;
      const { epoch } = await log.open('s', ignore);
      await log.open('t', ignore);
      const append = (key: string, version?: number) =>
        log.append('s', { body: key, key, ...(version !== undefined && { version }) });
      assert.deepEqual(await append('a'), { epoch, offset: 1, outcome });
      assert.deepEqual(await append('a'), { epoch, offset: 1, outcome: 'repeated' });
      assert.equal((await log.append('t', { body: 'a', key: 'a' }))?.outcome, outcome);
      assert.equal((await append('b', 5))?.outcome, outcome);
      assert.equal((await append('c', 4))?.outcome, 'stale');
      assert.equal((await append('c', 6))?.outcome, 'repeated');
      const many = await Promise.all(range(1, 20).map(() => append('d')));
      assert.equal(many.filter((each) => each?.outcome === outcome).length, 1);
      await advance(keyLimits.ttlMs - 1);
      assert.equal((await append('a'))?.outcome, 'repeated');
      await advance(2);
      assert.equal((await append('a'))?.outcome, outcome);
      assert.deepEqual(offsets(await log.read('s', nowhere, 100))?.at(-1), 4);
    });

    check('remembers so many keys', async ({ log }) => {
      await log.open('s', ignore);
      const append = (key: number) => log.append('s', { body: '', key: String(key) });
      for (const each of range(0, keyLimits.maxKeys)) await append(each);
      assert.equal((await append(1))?.outcome, 'repeated');
      assert.equal((await append(0))?.outcome, outcome);
    });

    check(
      'keeps entries for so long; the head stays',
      async ({ log, offsets, advance }) => {
        const { epoch } = await log.open('s', ignore);
        await log.append('s', body(1));
        await log.append('s', { body: '' });
        await advance(600);
        await log.append('s', body(3));
        assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [1, 2, 3]);
        await advance(600);
        assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [3]);
        await advance(600);
        const page = await log.read('s', { epoch, offset: 1 }, 100);
        assert.deepEqual([page?.epoch, page?.head, page?.entries], [epoch, 3, []]);
        assert.deepEqual(await log.append('s', body(4)), { epoch, offset: 4, outcome });
        assert.deepEqual(offsets(await log.read('s', nowhere, 100)), [4]);
      },
      { ttlMs: 1_000 },
    );

    check('keeps of a stream what was asked for when it was opened', async ({ log, offsets, advance }) => {
      const retention = { maxEntries: 2, maxLength: 1_000, ttlMs: 100 };
      await log.open('some', ignore, retention);
      await log.open('none', ignore, { ...retention, maxEntries: 0 });
      for (const stream of ['some', 'none'])
        for (const each of range(1, 5)) await log.append(stream, body(each));
      assert.deepEqual(offsets(await log.read('some', nowhere, 10)), [4, 5]);
      const page = await log.read('none', nowhere, 10);
      assert.deepEqual([page?.head, offsets(page)], [5, []]);
      await advance(150);
      assert.deepEqual(offsets(await log.read('some', nowhere, 10)), []);
    });

    check('streams that come and go leave nothing', async ({ log, left }) => {
      const epochs = new Set<string>();
      const count = options.manyStreams ?? 100_000;
      for (let i = 0; i < count; i++) {
        const stream = `s${i % 7}/${i}`;
        epochs.add((await log.open(stream, ignore)).epoch);
        if (i % 2 === 0) await log.append(stream, body(i));
        await log.release(stream);
      }
      assert.equal(epochs.size, count);
      assert.equal(await left(), 0);
    });
  });
}

/** What tests take apart, with its defaults filled in. */
class Subject {
  readonly log: StreamLog;
  readonly #underTest: StreamLogUnderTest;

  constructor(underTest: StreamLogUnderTest) {
    this.log = underTest.log;
    this.#underTest = underTest;
  }

  readonly advance = async (ms: number) => this.#underTest.advance(ms);
  readonly settle = async () => this.#underTest.settle?.();
  readonly left = async () => (await this.#underTest.left?.()) ?? 0;
  readonly offsets = (page: { readonly entries: readonly Entry[] } | undefined) =>
    page?.entries.map((entry) => entry.offset);
}

function ignore(): void {}

function body(n: number): Draft {
  return { body: `{"n":${n}}` };
}

/** In order, without repetitions: entries may be followed late, twice, or out of order. */
function unique(entries: readonly Entry[]): Entry[] {
  const byOffset = new Map(entries.map((entry) => [entry.offset, entry]));
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function ascending(a: number | undefined, b: number | undefined): number {
  return (a ?? 0) - (b ?? 0);
}
