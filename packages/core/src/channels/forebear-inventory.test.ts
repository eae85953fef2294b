import type { PublicationFrame } from '@callboard/protocol';
import { createHarness, type MemoryClient } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bothLogs, withLog } from '../../test/logs.ts';

/** The live inventory: a room for each product, which a worker publishes into, and viewers come and go. */
const channels = {
  'product/+': { canSubscribe: () => true, filters: true, retain: true, history: { size: 50 } },
};
const publicationsOf = (client: MemoryClient): PublicationFrame[] =>
  client.frames.filter((frame) => frame.op === 'publication');

describe('1. A change of a product', () => {
  test('reaches its viewers alone, and carries the count', async () => {
    const { server, connect } = await createHarness({ channels });
    const [one, alsoOne, two, none] = [
      await connect(1),
      await connect(2),
      await connect(3),
      await connect(4),
    ];
    for (const viewer of [one, alsoOne]) await viewer.join('product/1');
    await two.join('product/2');
    await server.publish('product/1', { type: 'INVENTORY', stock: 41 });
    for (const viewer of [one, alsoOne]) {
      await viewer.expectPublication({ channel: 'product/1', data: { type: 'INVENTORY', stock: 41 } });
      await viewer.expectNothing();
    }
    for (const viewer of [two, none]) await viewer.expectNothing();
    expect(server.stats().frames.delivered).toBe(2);
  });
});

describe('2. A viewer', () => {
  test('who joins late gets the current count at once', async () => {
    const { server, connect } = await createHarness({ channels });
    for (const stock of [43, 42, 41]) await server.publish('product/1', { stock });
    const late = await connect(1);
    await late.join('product/1');
    await late.expectPublication({ data: { stock: 41 }, retained: true });
    await late.expectNothing();
  });

  test.each([1, 60])('who comes back after %i changes converges', async (changes) => {
    const { server, connect } = await createHarness({ channels });
    const viewer = await connect(1);
    await viewer.join('product/1');
    await server.publish('product/1', { stock: 100 });
    await viewer.expectPublication();
    viewer.cut();
    for (let stock = 99; stock >= 100 - changes; stock--) await server.publish('product/1', { stock });
    await viewer.resume();
    expect(publicationsOf(viewer).at(-1)?.data).toEqual({ stock: 100 - changes });
  });

  test('who has lost the session, too', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const viewer = await connect(1);
    await viewer.join('product/1');
    viewer.cut();
    await clock.advanceAsync(70_000);
    await server.publish('product/1', { stock: 7 });
    expect((await viewer.resume()).resumed).toBe(false);
    await viewer.expectGap({ stream: '$inbox', reason: 'session' });
    await viewer.join('product/1');
    await viewer.expectPublication({ data: { stock: 7 }, retained: true });
  });

  test('who leaves or switches hears no more of the old product', async () => {
    const { server, connect } = await createHarness({ channels });
    const [leaves, switches] = [await connect(1), await connect(2)];
    for (const viewer of [leaves, switches]) await viewer.join('product/1');
    await leaves.leave('product/1');
    await switches.leave('product/1');
    await switches.join('product/2');
    for (const name of ['product/1', 'product/2']) await server.publish(name, name);
    await switches.expectPublication({ channel: 'product/2' });
    for (const viewer of [leaves, switches]) await viewer.expectNothing();
    expect(server.channel('product/1').subscribers.size).toBe(0);
  });
});

describe('3. Ten thousand updates in disorder from two publishers', () => {
  test('leave the newest, whatever reader and moment', async () => {
    const count = 10_000;
    const { server, connect, clock } = await createHarness({ channels });
    const readers: MemoryClient[] = [await connect(1)];
    await readers[0]?.join('product/1');
    // The same shuffle each time: neither of the two is in order, and they come through each other.
    const random = fc.sample(fc.nat(), { numRuns: count, seed: 7 });
    const versions = random
      .map((luck, i) => ({ luck, version: i + 1 }))
      .sort((a, b) => a.luck - b.luck || a.version - b.version);
    let accepted = 0;
    for (const [i, { version, luck }] of versions.entries()) {
      const worker = luck % 2 === 0 ? 'even' : 'odd';
      const { outcome } = await server.publish('product/1', { stock: version, worker }, { version });
      if (outcome === 'published') accepted++;
      if (i % 500 === 250) {
        const reader = await connect(1 + (i % 7));
        await reader.join(i % 1_000 === 250 ? 'product/1' : 'product/+');
        readers.push(reader);
      }
      const some = readers[luck % readers.length];
      if (i % 333 === 0) some?.cut();
      if (i % 333 === 100)
        for (const reader of readers) if (reader.closed !== undefined) await reader.resume();
    }
    for (const reader of readers) if (reader.closed !== undefined) await reader.resume();
    await clock.settle();
    const late = await connect(99);
    await late.join('product/1');
    readers.push(late);
    expect(accepted).toBeLessThan(100);
    expect(readers.length).toBeGreaterThan(20);
    for (const reader of readers) {
      const seen = publicationsOf(reader).map(({ version }) => version ?? 0);
      expect(seen.at(-1)).toBe(count);
      // A last value may be seen again; an older one never.
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    }
  }, 60_000);

  /** Each sends on without waiting; readers come, are cut and come back in between. */
  test.each(bothLogs)('so do those of two clients at once, over a log that answers %s', async (answers) => {
    const deed = fc.record({
      what: fc.constantFrom('one', 'one', 'two', 'two', 'join', 'cut', 'resume', 'turn'),
      version: fc.nat(50),
      pick: fc.nat(5),
    });
    const property = fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 80 }), async (deeds) => {
      const open = { ...channels['product/+'], canPublish: async () => true };
      const { connect, clock } = await createHarness({
        ...withLog(answers).options,
        channels: { 'product/+': open },
      });
      const publishers = { one: await connect('one'), two: await connect('two') };
      const readers = [await connect('reader')];
      await readers[0]?.join('product/1');
      const versions: number[] = [];
      for (const { what, version, pick } of deeds) {
        const reader = readers[pick % readers.length];
        if (what === 'one' || what === 'two') {
          versions.push(version);
          publishers[what].publish('product/1', version, { version });
        } else if (what === 'join') {
          const client = await connect('reader');
          client.request({ op: 'subscribe', channels: [pick % 2 === 0 ? 'product/1' : 'product/+'] });
          readers.push(client);
        } else if (what === 'cut') reader?.cut();
        else if (what === 'turn') await clock.settle();
        else if (reader?.closed !== undefined) await reader.resume();
      }
      await clock.settle();
      for (const reader of readers) if (reader.closed !== undefined) await reader.resume();
      await clock.settle();
      const late = await connect('late');
      await late.join('product/1');
      if (versions.length === 0) return;
      for (const reader of [...readers, late]) {
        const seen = publicationsOf(reader).map((publication) => publication.version ?? -1);
        expect(seen.at(-1)).toBe(Math.max(...versions));
        expect(seen).toEqual([...seen].sort((a, b) => a - b));
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('so do any few', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.record({ version: fc.nat(20), reader: fc.boolean() }), { minLength: 1, maxLength: 40 }),
      async (updates) => {
        const { server, connect, clock } = await createHarness({ channels });
        const readers: MemoryClient[] = [];
        let highest = 0;
        for (const { version, reader } of updates) {
          if (reader) {
            const client = await connect(1);
            await client.join('product/1');
            readers.push(client);
          }
          const { outcome } = await server.publish('product/1', version, { version });
          expect(outcome).toBe(version < highest ? 'stale' : 'published');
          highest = Math.max(highest, version);
        }
        await clock.settle();
        for (const reader of readers) {
          const seen = publicationsOf(reader).map(({ data }) => data as number);
          expect(seen.at(-1)).toBe(highest);
          expect(seen).toEqual([...seen].sort((a, b) => a - b));
        }
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });
});
