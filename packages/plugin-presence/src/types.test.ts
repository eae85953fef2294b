import { createClient } from '@callboard/client';
import { createServer } from '@callboard/core';
import { expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import { type ClientPresence, presenceClient, type WatchedUsers } from './client.ts';
import {
  type Choice,
  memoryStore,
  type OwnPresence,
  type PresenceOptions,
  presence,
  type ServerPresence,
  type UserPresence,
} from './index.ts';

test('what the plugin adds stands on server and client, typed', () => {
  const server = () => createServer({ transports: [], plugins: [presence({ store: memoryStore() })] });
  expectTypeOf<ReturnType<typeof server>['presence']>().toExtend<ServerPresence>();
  expectTypeOf<ServerPresence['get']>().returns.toEqualTypeOf<Promise<ReadonlyMap<string, OwnPresence>>>();
  const client = () => createClient({ userId: 1, plugins: [presenceClient()] });
  expectTypeOf<ReturnType<typeof client>['presence']>().toExtend<ClientPresence>();
  expectTypeOf<ClientPresence['own$']>().toEqualTypeOf<Observable<OwnPresence>>();
  expectTypeOf<ClientPresence['set']>().parameter(0).toEqualTypeOf<Choice>();
  const { watch } = {} as ClientPresence;
  const watched = () => watch([1, 'b']);
  const called = () =>
    watch(1, ({ users }) => expectTypeOf(users).toEqualTypeOf<ReadonlyMap<string, UserPresence>>());
  expectTypeOf(watched).returns.toEqualTypeOf<Observable<WatchedUsers>>();
  expectTypeOf(called).returns.toEqualTypeOf<() => void>();
  // @ts-expect-error an object is nobody's id
  void (() => watch({}));
});

test('a policy answers yes, no, or for whom, at once or later', () => {
  expectTypeOf<() => Promise<string[]>>().toExtend<PresenceOptions['canWatch']>();
  expectTypeOf<() => boolean>().toExtend<PresenceOptions['canWatch']>();
  expectTypeOf<() => string>().not.toExtend<PresenceOptions['canWatch']>();
});

test.each([
  ['awayAfterMs', -1],
  ['graceMs', Number.NaN],
  ['graceAfterCloseMs', 2 ** 31],
  ['batchMs', '1'],
  ['maxWatched', Number.POSITIVE_INFINITY],
])('%s is not %p', (name, value) => {
  expect(() => presence({ [name]: value })).toThrow(name);
});
