import { type Client, createClient } from '@callboard/client';
import { createServer, silentLogger } from '@callboard/core';
import { defineContract } from '@callboard/protocol';
import { memoryTransport, SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import { z } from 'zod';
import {
  type ChannelPresence,
  type ChannelPresenceEvent,
  type ClientPresence,
  type Counts,
  type Member,
  type MemberMeta,
  presenceClient,
} from '../client.ts';
import { type ChannelPresencePolicy, presence, type ServerChannelPresence } from '../index.ts';

const contract = defineContract({ actions: {}, channels: { 'show/+': z.object({ left: z.number() }) } });
const transport = { name: 'none', open: () => ({ send() {}, close() {}, drop() {} }) };
const clientWith = <P extends readonly ReturnType<typeof presenceClient>[]>(plugins: P) =>
  createClient({
    ...{ endPoint: 'ws://server', userId: 1, contract, plugins, transport },
    ...{ timers: new SimulatedClock(), logger: silentLogger },
  });

test('each channel of a client has presence, by inference, and stays what the contract says', () => {
  const client = clientWith([presenceClient()] as const);
  const channel = client.channel('show/1');
  expectTypeOf(channel.presence).toEqualTypeOf<ChannelPresence>();
  channel.subscribe(({ data }) => expectTypeOf(data).toEqualTypeOf<{ left: number }>());
  expectTypeOf(client.presence).toEqualTypeOf<ClientPresence>();
  expectTypeOf(client.presence.channel).returns.toEqualTypeOf<ChannelPresence>();
  expectTypeOf(client).toExtend<Client<typeof contract>>();
  // @ts-expect-error without the plugin there is none
  clientWith([]).channel('show/1').presence;
  expect(client.presence.channel('show/1')).toBe(channel.presence);
});

test('what is told of a channel is told apart by its type', () => {
  expectTypeOf<ChannelPresence['members$']>().toEqualTypeOf<Observable<readonly Member[]>>();
  expectTypeOf<ChannelPresence['members']>().returns.resolves.toEqualTypeOf<readonly Member[]>();
  expectTypeOf<ChannelPresence['update']>().parameter(0).toEqualTypeOf<MemberMeta>();
  expectTypeOf<ChannelPresenceEvent['type']>().toEqualTypeOf<
    'snapshot' | 'join' | 'leave' | 'update' | 'counts' | 'refused'
  >();
  expectTypeOf<Extract<ChannelPresenceEvent, { type: 'update' }>['before']>().toEqualTypeOf<Member>();
  expectTypeOf<Extract<ChannelPresenceEvent, { type: 'counts' }>['counts']>().toEqualTypeOf<Counts>();
});

test('a server has it with the plugin, whose options are looked at', () => {
  const plugins = [presence({ channels: { 'show/+': { meta: z.object({ seat: z.number() }) } } })] as const;
  const server = createServer({ transports: [memoryTransport()], plugins });
  expectTypeOf(server.presence.channel('show/1')).toEqualTypeOf<ServerChannelPresence>();
  expect(server.presence.channel('show/1').members).toEqual([]);
  const bad = (policy: object, pattern = 'show/+') => {
    const channels = { [pattern]: policy as ChannelPresencePolicy };
    return () => createServer({ transports: [memoryTransport()], plugins: [presence({ channels })] });
  };
  expect(bad({ canwatch: () => true })).toThrow('has no canwatch');
  expect(bad({ maxListed: '4' })).toThrow('maxListed is no number');
  expect(bad({ members: 'everybody' })).toThrow(TypeError);
  expect(bad({ maxListed: -1 })).toThrow(RangeError);
  expect(bad({ maxMetaBytes: 1 })).toThrow(RangeError);
  expect(bad({}, 'show/#/x')).toThrow(TypeError);
});

test('nothing public is any', () => {
  type Members<T> = { [K in keyof T]-?: 0 extends 1 & T[K] ? K : never }[keyof T];
  expectTypeOf<
    Members<ChannelPresence | Member | Counts | ChannelPresencePolicy | ServerChannelPresence>
  >().toBeNever();
});
