import { afterEach, describe, expect, test } from '@jest/globals';
import { Stage, watch } from '../test/stage.ts';

let stage: Stage;

afterEach(() => stage.end());

describe('the activity of clients', () => {
  test('in all tabs but one does not make a user AWAY, in the last one it does', async () => {
    stage = await Stage.begin();
    const me = await stage.tab('me');
    const tabs = [await stage.tab(1), await stage.tab(1), await stage.tab(1)];
    const seen = watch(me, 1);
    await stage.settle();
    seen.length = 0;
    for (const { presence } of tabs.slice(1)) {
      presence.activity('idle');
      await stage.pass(600_000);
    }
    expect(seen).toEqual([]);
    tabs[0]?.presence.activity('idle');
    await stage.pass(200);
    expect(seen).toEqual(['1 AWAY']);
    tabs[1]?.presence.activity('active');
    await stage.pass(200);
    expect(seen).toEqual(['1 AWAY', '1 ONLINE']);
  });

  test('that is said ends by itself after the time that the server names', async () => {
    stage = await Stage.begin({ awayAfterMs: 10_000 });
    const tab = await stage.tab(1);
    await stage.pass(60_000);
    expect(stage.status(1)).toBe('ONLINE');
    tab.presence.activity('active');
    await stage.pass(9_000);
    expect(stage.status(1)).toBe('ONLINE');
    await stage.pass(2_500);
    expect([stage.status(1), tab.client.getStatus()]).toEqual(['AWAY', 'AWAY']);
  });

  test('is by one client at a time, on whom all agree: the one that was used last', async () => {
    stage = await Stage.begin();
    const tabs = [await stage.tab(1), await stage.tab(1), await stage.tab(1)];
    const active = () => tabs.map(({ presence }) => presence.isActive());
    await stage.pass(200);
    expect(active()).toEqual([false, false, true]);
    for (const [i, { presence }] of tabs.entries()) {
      await stage.pass(2_000);
      presence.activity('active');
      await stage.pass(200);
      expect(active()).toEqual(tabs.map((_, place) => place === i));
      expect(stage.server.users.get('1')?.activeClient?.id).toBe(tabs[i]?.client.id);
    }
    await stage.close(tabs.pop() as never);
    await stage.pass(200);
    expect(active()).toEqual([false, false]);
    expect(tabs[0]?.presence.own?.activeClient).toBe(null);
    tabs[0]?.presence.activity('active');
    await stage.pass(200);
    expect(active()).toEqual([true, false]);
  });

  test('is known from its first frame on: an idle tab in a new session makes nobody ONLINE for a moment', async () => {
    stage = await Stage.begin({ batchMs: 0 });
    const [me, one, two] = [await stage.tab('me'), await stage.tab(1), await stage.tab(1)];
    for (const { presence } of [one, two]) presence.activity('idle');
    const [seen, own, events] = [watch(me, 1), [] as string[], [] as string[]];
    await stage.pass(1_000);
    two.client.onStatusChange(({ status }) => own.push(status));
    stage.server.events$.subscribe((event) => {
      const { type, userId, status } = event as { type: string; userId?: string; status?: string };
      if (type === 'STATUS_CHANGE' && userId === '1') events.push(status as string);
    });
    for (const client of stage.server.users.get('1')?.clients ?? [])
      if (client.id === one.client.id) client.disconnect(4000);
    await stage.pass(5_000);
    expect([one.client.isConnected(), seen, own, events]).toEqual([true, ['1 AWAY'], [], []]);
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    await stage.server.start();
    await stage.pass(60_000);
    expect([one, two].map(({ client }) => client.getStatus())).toEqual(['AWAY', 'AWAY']);
    expect([seen.includes('1 ONLINE'), own.includes('ONLINE'), events]).toEqual([
      false,
      false,
      ['OFFLINE', 'AWAY'],
    ]);
    // It was used while it was not there.
    one.client.drop();
    one.presence.activity('active');
    await stage.pass(5_000);
    expect([seen.at(-1), one.presence.isActive()]).toEqual(['1 ONLINE', true]);
  });

  test('is not new where a connection is: the client that was used last is the same one', async () => {
    stage = await Stage.begin();
    const [one, two] = [await stage.tab(1), await stage.tab(1)];
    for (const { presence } of [one, two]) {
      presence.activity('idle');
      await stage.settle();
      presence.activity('active');
      await stage.pass(2_000);
    }
    await stage.cut(one);
    await stage.pass(5_000);
    expect([one, two].map(({ presence }) => presence.isActive())).toEqual([false, true]);
    await stage.cut(two);
    await stage.pass(5_000);
    expect([one, two].map(({ presence }) => presence.isActive())).toEqual([false, true]);
    // Not even after a grace.
    const device = await stage.harness.connect(1);
    await stage.pass(200);
    two.presence.activity('active');
    await stage.pass(200);
    device.cut();
    await stage.pass(40_000);
    await device.resume();
    await stage.pass(200);
    expect(two.presence.isActive()).toBe(true);
  });

  test('is taken in where another connection takes a session over that nobody knew to be lost', async () => {
    stage = await Stage.begin();
    const [tab, again] = [await stage.harness.connect(1), stage.harness.client(1)];
    tab.raw('{"op":"activity","state":"idle"}');
    await stage.settle();
    expect(stage.status(1)).toBe('AWAY');
    await again.connect({ resume: tab.resumption, activity: 'active' });
    await stage.settle();
    expect(stage.status(1)).toBe('ONLINE');
  });

  test('is what it sends, where the application says so', async () => {
    stage = await Stage.begin({
      awayAfterMs: 10_000,
      useOf: ({ device }) => (device === 'sensor' ? 'used' : device === 'lamp' ? 'never' : 'told'),
      server: { handlers: { MEASURED: () => 'ok' } },
    });
    const me = await stage.tab('me');
    const seen = watch(me, 1);
    await stage.settle();
    seen.length = 0;
    await stage.tab(1, { device: 'lamp' });
    await stage.pass(200);
    expect(seen).toEqual(['1 AWAY']);
    const sensor = await stage.tab(1, { device: 'sensor' });
    for (let i = 0; i < 5; i++) {
      await stage.finish(sensor.client.sendToServer({ type: 'MEASURED' }));
      await stage.pass(9_000);
    }
    expect(seen).toEqual(['1 AWAY', '1 ONLINE']);
    await stage.pass(2_000);
    expect(seen).toEqual(['1 AWAY', '1 ONLINE', '1 AWAY']);
    await stage.finish(sensor.client.sendToServer({ type: 'MEASURED' }));
    sensor.presence.activity('idle');
    await stage.pass(200);
    expect(seen.at(-1)).toBe('1 ONLINE');
    await stage.cut(sensor);
    await stage.pass(15_000);
    expect(seen.at(-1)).toBe('1 AWAY');
  });

  test('is as a client says where the rule of the application fails', async () => {
    stage = await Stage.begin({
      useOf: () => {
        throw new Error('broken');
      },
    });
    const tab = await stage.tab(1);
    tab.presence.activity('idle');
    await stage.settle();
    expect(stage.status(1)).toBe('AWAY');
    expect(stage.harness.errors.map(({ message }) => message)).toEqual([
      'nobody could say how a client is used',
    ]);
  });
});
