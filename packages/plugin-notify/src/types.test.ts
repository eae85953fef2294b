import { createClient } from '@callboard/client';
import { createServer } from '@callboard/core';
import { test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import { type ClientNotifications, type Item, type Notice, notifyClient } from './client.ts';
import { type Asked, memoryStore, type Notification, type Notifications, notify } from './index.ts';

test('what the plugin adds stands on server and client, typed', () => {
  const server = () => createServer({ transports: [], plugins: [notify({ store: memoryStore() })] });
  expectTypeOf<ReturnType<typeof server>['notify']>().toEqualTypeOf<Notifications>();
  expectTypeOf<Notifications['reschedule']>().returns.toEqualTypeOf<Promise<Notification>>();
  const client = () => createClient({ userId: 1, plugins: [notifyClient()] });
  expectTypeOf<ReturnType<typeof client>['notify']>().toEqualTypeOf<ClientNotifications>();
  expectTypeOf<ClientNotifications['items$']>().toEqualTypeOf<Observable<readonly Item[]>>();
  expectTypeOf<ClientNotifications['on']>().parameter(0).parameter(0).toEqualTypeOf<Notice>();
});

test('a time is either then or in a while, and there is one', () => {
  const rest = { key: 'k', to: 44, action: { type: 'A' } };
  expectTypeOf<typeof rest & { in: number }>().toExtend<Asked>();
  expectTypeOf<typeof rest & { at: Date }>().toExtend<Asked>();
  expectTypeOf<typeof rest & { at: Date; in: number }>().not.toExtend<Asked>();
  expectTypeOf<typeof rest>().not.toExtend<Asked>();
});
