import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { filter, map, tap } from 'rxjs';
import { definePlugin, type Outgoing, ReplyError, SendFailed } from '../index.ts';

describe('plugins', () => {
  test('see what is published on its way in, and may refuse it', async () => {
    const ops: string[] = [];
    const guard = definePlugin({
      name: 'guard',
      setup: ({ check }) => {
        check(({ frame }) => {
          ops.push(frame.op);
          if (frame.op === 'publish' && frame.data === 'no') throw new ReplyError('NO_SUCH_WORD');
        });
      },
    });
    const { connect } = await createHarness({
      channels: { 'product/+': { canSubscribe: () => true, canPublish: () => true } },
      plugins: [guard],
    });
    const tab = await connect(1);
    await tab.join('product/1');
    await tab.expectReply(tab.publish('product/1', 1));
    await tab.expectPublication({ data: 1 });
    await tab.expectError(tab.publish('product/1', 'no'), 'NO_SUCH_WORD');
    await tab.expectNothing();
    expect(ops).toEqual(['subscribe', 'publish', 'publish']);
  });

  test('see each publication once on its way out, and may change or refuse it', async () => {
    const seen: Outgoing[] = [];
    const editor = definePlugin({
      name: 'editor',
      setup({ outbound, channels: open }) {
        open('desk/+', { canSubscribe: () => true, canPublish: () => true });
        outbound((outgoing$) =>
          outgoing$.pipe(
            tap((outgoing) => void seen.push(outgoing)),
            filter((outgoing) => outgoing.kind !== 'publication' || outgoing.data !== 'secret'),
            map((outgoing) => {
              if (outgoing.kind !== 'publication') return outgoing;
              if (outgoing.data === 'broken') throw new Error('broken');
              return { ...outgoing, data: [outgoing.data], meta: { edited: true }, channel: 'elsewhere' };
            }),
          ),
        );
      },
    });
    const harness = await createHarness({ plugins: [editor] });
    const { server, connect, until } = harness;
    const [tab, ...others] = [await connect(1), await connect(2), await connect(3)];
    for (const client of others) await client.join('desk/1');
    await tab.expectReply(tab.publish('desk/1', { b64: 'AAEC' }, { meta: { a: 1 } }));
    await until(server.publish('desk/1', 2));
    await tab.expectError(tab.publish('desk/1', 'secret'), 'REFUSED');
    await tab.expectError(tab.publish('desk/1', 'broken'), 'PLUGIN_ERROR');
    await expect(server.publish('desk/1', 'secret')).rejects.toThrow(SendFailed);
    for (const client of others) {
      await client.expectPublication({ channel: 'desk/1', meta: { edited: true } });
      await client.expectPublication({ channel: 'desk/1', data: [2], meta: { edited: true } });
      await client.expectNothing();
    }
    expect(seen[0]).toEqual({
      kind: 'publication',
      channel: 'desk/1',
      data: Uint8Array.of(0, 1, 2),
      meta: { a: 1 },
      from: { userId: '1', clientId: tab.clientId },
    });
    expect([seen.length, harness.errors.length]).toEqual([5, 1]);
  });

  test('open patterns during their setup alone', async () => {
    const late = definePlugin({ name: 'late', setup: ({ channels }) => ({ channels }) });
    const { server } = await createHarness({ plugins: [late] });
    expect(() => server.late.channels('desk/+', {})).toThrow('outside of its setup');
  });

  test('open patterns of their own, which nobody else has', () => {
    const takes = (name: string) => definePlugin({ name, setup: ({ channels }) => channels('desk/+', {}) });
    expect(() => createHarness({ channels: { 'desk/+': {} }, plugins: [takes('a')] })).rejects.toThrow(
      'desk/+',
    );
    return expect(createHarness({ plugins: [takes('a'), takes('b')] })).rejects.toThrow('desk/+');
  });
});
