import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { ChannelStage } from '../test/channel-stage.ts';
import { ScriptedTransport } from '../test/scripted-transport.ts';
import { type ClientPlugin, createClient, defineClientPlugin } from './index.ts';

const base = () => ({
  endPoint: 'ws://server',
  userId: 44,
  timers: new SimulatedClock(),
  transport: new ScriptedTransport(),
});

const named = (made: string[]) =>
  defineClientPlugin({
    name: 'shout',
    setup: () => ({ mark: '!' }),
    channel(channel, { mark }) {
      made.push(channel.name);
      return { name: `${channel.name}${mark}` };
    },
  });

describe('what a plugin adds to channels', () => {
  test('is there once a channel, made when somebody looks, for filters too', async () => {
    const made: string[] = [];
    const client = createClient({ ...base(), plugins: [named(made)] });
    const [channel, filter] = [client.channel('a'), client.channel('a/+')];
    expect(made).toEqual([]);
    expect([channel.shout.name, filter.shout.name]).toEqual(['a!', 'a/+!']);
    expect(client.channel('a').shout).toBe(channel.shout);
    expect([made, client.shout.mark]).toEqual([['a', 'a/+'], '!']);
    expect(() => {
      // @ts-expect-error it is there to be read
      channel.shout = { name: 'b' };
    }).toThrow(TypeError);
  });

  test('is there in channels that a plugin before it has asked for', () => {
    const asks = defineClientPlugin({ name: 'asks', setup: ({ client }) => ({ room: client.channel('a') }) });
    const client = createClient({ ...base(), plugins: [asks, named([])] });
    expect(client.asks.room).toHaveProperty('shout.name', 'a!');
  });

  test('may not have the name of what channels have', () => {
    for (const name of ['publish', 'publications$']) {
      const plugin: ClientPlugin = { name, setup: () => undefined, channel: () => 1 };
      expect(() => createClient({ ...base(), plugins: [plugin] })).toThrow(`named ${name}`);
    }
  });
});

describe('whether somebody subscribes', () => {
  test('is said at once and whenever it changes, whatever the server says', async () => {
    const stage = new ChannelStage();
    await stage.online();
    const states: boolean[] = [];
    let ended = false;
    const channel = stage.client.channel('a');
    channel.subscribed$.subscribe({
      next: (isIn) => states.push(isIn),
      complete: () => {
        ended = true;
      },
    });
    expect(states.splice(0)).toEqual([false]);
    const [first, second] = [channel.subscribe(() => {}), channel.subscribe(() => {})];
    first();
    expect(states.splice(0)).toEqual([true]);
    await stage.refuse('a', 'FORBIDDEN');
    expect(states.splice(0)).toEqual([]);
    second();
    channel.subscribe(() => {});
    void channel.leave();
    expect(states.splice(0)).toEqual([false, true, false]);
    void stage.client.close();
    expect(ended).toBe(true);
  });
});
