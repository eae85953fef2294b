import type { GatewayPublication } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MqttSessionStore, SessionRecord } from '../src/index.ts';
import { KnownPublication } from '../src/known-publication.ts';
import {
  connectPacket,
  open,
  publishPacket,
  type RawDevice,
  Stage,
  subscribePacket,
  until,
} from './support.ts';

export interface StorePlace {
  /** The same, as another server would open it. */
  store(): MqttSessionStore;
  remove(): void;
}

/** What a store of sessions is to do. */
export function sessionStoreSuite(name: string, make: () => StorePlace): void {
  describe(name, () => {
    let place: StorePlace;
    beforeEach(() => {
      place = make();
    });
    afterEach(() => place.remove());

    describe('keeps', () => {
      const record: SessionRecord = {
        clientId: 'c',
        userId: 'ada',
        claims: { role: ['x'] },
        resumeMs: 5_000,
        lostAt: 17,
        subscriptions: [
          { filter: 'a/#', qos: 1 },
          { filter: '$share/g/a', qos: 2, noLocal: true, retainAsPublished: true, identifier: 7 },
        ],
        published: [3, 65_535],
      };
      const publication = (payload: string | Uint8Array, more = {}): GatewayPublication =>
        KnownPublication.stored({
          topic: 'a/b',
          payload: Buffer.from(payload),
          from: undefined,
          meta: undefined,
          attributes: undefined,
          ...more,
        });

      const once = { qos: 1, retained: false } as const;

      async function reopened(store: MqttSessionStore) {
        await store.close();
        const again = place.store();
        const sessions = await again.open();
        return { again, sessions };
      }

      test('nothing, to begin with', async () => {
        const store = place.store();
        expect(await store.open()).toEqual([]);
        expect((await reopened(store)).sessions).toEqual([]);
      });

      test('what was last said of a session, until it is removed', async () => {
        const store = place.store();
        await store.open();
        store.save({ ...record, lostAt: undefined, subscriptions: [] });
        store.save(record);
        store.save({ ...record, clientId: '\u0001é' });
        await store.committed();
        const { again, sessions } = await reopened(store);
        expect(sessions.map((each) => each.record).find(({ clientId }) => clientId === 'c')).toEqual(record);
        expect(sessions).toHaveLength(2);
        again.remove('c');
        expect((await reopened(again)).sessions.map((each) => each.record.clientId)).toEqual(['\u0001é']);
      });

      test('what waits, in order, once for all sessions that it waits for', async () => {
        const store = place.store();
        await store.open();
        store.save(record);
        store.save({ ...record, clientId: 'd' });
        const attributes = {
          expiresAt: 99,
          own: { qos: 2, correlationData: Buffer.of(1, 0, 255), userProperties: [['unit', '°C']] },
        };
        const [one, two] = [
          publication(Uint8Array.of(0, 255, 10), { from: { userId: 'u' }, meta: { unit: '°C' }, attributes }),
          publication(''),
        ];
        const first = store.add('c', one, once);
        store.add('d', one, { ...once, retained: true, identifiers: [1, 7] });
        await store.committed();
        const second = store.add('c', two, { qos: 2, retained: false, share: '$share/g/a' });
        store.sent(first, 65_535);
        store.sent(second, 9);
        store.received(second);
        const { sessions } = await reopened(store);
        const [c, d] = ['c', 'd'].map((id) => sessions.find((each) => each.record.clientId === id));
        expect(
          c?.waiting.map(({ message, delivery, messageId, received }) => [
            message,
            delivery,
            messageId,
            received,
          ]),
        ).toEqual([
          [
            {
              topic: 'a/b',
              payload: Buffer.of(0, 255, 10),
              from: { userId: 'u' },
              meta: { unit: '°C' },
              attributes,
            },
            once,
            65_535,
            false,
          ],
          [
            {
              topic: 'a/b',
              payload: Buffer.alloc(0),
              from: undefined,
              meta: undefined,
              attributes: undefined,
            },
            { qos: 2, retained: false, share: '$share/g/a' },
            9,
            true,
          ],
        ]);
        expect(d?.waiting).toHaveLength(1);
        expect(d?.waiting[0]?.delivery).toEqual({ qos: 1, retained: true, identifiers: [1, 7] });
        expect(d?.waiting[0]?.message).toBe(c?.waiting[0]?.message);
      });

      test('nothing that has arrived, whenever that was', async () => {
        const store = place.store();
        await store.open();
        store.save(record);
        store.save({ ...record, clientId: 'd' });
        const one = publication('one');
        const within = store.add('c', one, once);
        store.done(within);
        const kept = store.add('d', one, once);
        const later = store.add('c', one, once);
        await store.committed();
        store.done(later);
        await store.committed();
        const rest = await reopened(store);
        const payloads = rest.sessions.flatMap((each) =>
          each.waiting.map(({ message }) => String(message.payload)),
        );
        expect(payloads).toEqual(['one']);
        const [left] = rest.sessions.flatMap(({ waiting }) => waiting);
        rest.again.done(left?.waiting ?? kept);
        const last = await reopened(rest.again);
        expect(last.sessions.flatMap(({ waiting }) => waiting)).toEqual([]);
      });
    });

    describe('a server that is started anew', () => {
      let stage: Stage;
      beforeEach(() => {
        stage = new Stage();
      });
      afterEach(() => stage.end());

      const serve = (options = {}, limits = {}) => stage.serve(options, { store: place.store(), limits });
      async function restart(options = {}, limits = {}): Promise<void> {
        const { clock } = stage;
        await stage.end();
        stage = new Stage(clock);
        await serve(options, limits);
      }

      async function subscribed(clientId: string, fields: object = {}): Promise<RawDevice> {
        const device = await stage.connected(clientId, { clean: false, ...fields });
        device.send(subscribePacket(1, ['a/#', 1]));
        await device.next('suback');
        return device;
      }

      async function publish(...texts: string[]): Promise<void> {
        const writer = await stage.connected('writer');
        for (const text of texts) {
          writer.send(publishPacket('a/b', text, { qos: 1, messageId: 1 }));
          await writer.next('puback');
        }
      }

      async function back(clientId: string, fields: object = {}) {
        const device = await stage.raw();
        device.send(connectPacket(clientId, { clean: false, ...fields }));
        const { sessionPresent, returnCode } = await device.next('connack');
        return { device, sessionPresent, returnCode };
      }

      test('has what waited, in order and under the same packet ids, and subscriptions that went on', async () => {
        await serve();
        const first = await subscribed('c');
        await publish('one');
        const { messageId } = await first.next('publish');
        first.socket.destroy();
        await until(() => stage.server.stats().clients.resumable === 1, 'its loss');
        await publish('two');
        await restart();
        expect(stage.server.stats().clients).toMatchObject({ online: 0, resumable: 1 });
        expect(stage.server.users.get('c')?.status.status).toBe('OFFLINE');
        await publish('three');
        const { device, sessionPresent } = await back('c');
        expect(sessionPresent).toBe(true);
        const given = [];
        for (let i = 0; i < 3; i++) given.push(await device.next('publish'));
        expect(given.map((each) => [String(each.payload), each.dup])).toEqual([
          ['one', true],
          ['two', false],
          ['three', false],
        ]);
        expect(given[0]?.messageId).toBe(messageId);
        expect(new Set(given.map((each) => each.messageId)).size).toBe(3);
        for (const each of given) device.send({ cmd: 'puback', messageId: each.messageId as number });
        await device.quiet();
        expect(stage.server.users.get('c')?.status.status).toBe('ONLINE');
        // And nothing of it once it was acknowledged.
        await restart();
        await (await back('c')).device.quiet();
      });

      const will = { topic: 'a/will', payload: Buffer.from('gone'), qos: 1, retain: false };

      test('publishes the wills of devices that were there when it was stopped, once', async () => {
        await serve();
        (await subscribed('reader')).send({ cmd: 'disconnect' });
        await subscribed('c', { will });
        const left = await subscribed('left', { will: { ...will, payload: Buffer.from('never') } });
        left.send({ cmd: 'disconnect' });
        await left.end();
        await restart();
        await restart();
        const { device } = await back('reader');
        const { payload, messageId } = await device.next('publish');
        expect(String(payload)).toBe('gone');
        device.send({ cmd: 'puback', messageId: messageId as number });
        await device.quiet();
      });

      test('publishes a will of MQTT 5 with its properties, when what is left of its delay is over', async () => {
        await serve();
        await away('reader', 'a/will');
        const properties = { correlationData: Buffer.of(1, 0, 255), userProperties: { unit: '°C' } };
        const fields = { clean: false, properties: { sessionExpiryInterval: 600 } };
        const delayed = { ...will, properties: { ...properties, willDelayInterval: 60 } };
        (await stage.connected5('c', { ...fields, will: delayed })).socket.destroy();
        await until(() => stage.server.users.get('c')?.status.status !== 'ONLINE', 'its loss');
        const dueAt = stage.clock.now() + 60_000;
        await restart();
        const reader = await stage.connected5('reader', fields);
        stage.clock.advance(dueAt - stage.clock.now() - 1);
        await reader.quiet();
        stage.clock.advance(1);
        expect(await reader.next('publish')).toMatchObject({ topic: 'a/will', qos: 1, properties });
      });

      test('has no will that was published before', async () => {
        await serve();
        (await subscribed('c', { will })).socket.destroy();
        await until(() => stage.server.stats().publications.published === 1, 'the will');
        const heard: unknown[] = [];
        await restart();
        await until(() => stage.server.stats().clients.resumable === 1, 'the session');
        stage.server.channel('a/will').publications$.subscribe((each) => heard.push(each));
        const { device } = await back('c');
        await device.next('publish');
        await device.quiet();
        expect([heard, stage.server.stats().publications.published]).toEqual([[], 0]);
      });

      test('goes on with a device’s inbox', async () => {
        await serve();
        const before = await stage.connected('c', { clean: false, username: 'ada' });
        before.send(subscribePacket(1, ['$callboard/inbox', 1]));
        await before.next('suback');
        await restart();
        await stage.server.sendToUser('ada', { type: 'HELLO' });
        const { device } = await back('c', { username: 'ada' });
        expect(await device.next('publish')).toMatchObject({ topic: '$callboard/inbox', qos: 1 });
        device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['$callboard/inbox'] });
        await device.next('unsuback');
        await restart();
        await stage.server.sendToUser('ada', { type: 'HELLO' });
        const again = await back('c', { username: 'ada' });
        // Not acknowledged, but nothing new.
        expect(await again.device.next('publish')).toMatchObject({ dup: true });
        await again.device.quiet();
      });

      /** What another server would find, were this one killed now. */
      async function kept(clientId: string) {
        const store = place.store();
        const all = await store.open();
        await store.close();
        const found = all.find(({ record }) => record.clientId === clientId);
        const waiting = found?.waiting.map(({ message }) => String(message.payload));
        return { published: found?.record.published, waiting };
      }

      /** A session of MQTT 5 whose device has subscribed and is gone. */
      async function away(clientId: string, filter: string): Promise<void> {
        const properties = { sessionExpiryInterval: 60 };
        const device = await stage.connected5(clientId, { clean: false, properties });
        device.send(subscribePacket(1, [filter, 1]));
        await device.next('suback');
        device.send({ cmd: 'disconnect' });
        await device.end();
      }

      test('gives what waits for one of a group to another where that one does not come back', async () => {
        await serve();
        await away('c', '$share/g/a/b');
        await publish('shared');
        expect((await kept('c')).waiting).toEqual(['shared']);
        await restart();
        await away('d', '$share/g/a/b');
        stage.clock.advance(30_000);
        const other = await stage.connected5('d', {
          clean: false,
          properties: { sessionExpiryInterval: 60 },
        });
        await other.quiet();
        stage.clock.advance(30_000);
        const { messageId } = await other.next('publish');
        expect((await kept('d')).waiting).toEqual(['shared']);
        other.send({ cmd: 'puback', messageId: messageId as number });
        await other.quiet();
        expect(await kept('d')).toMatchObject({ waiting: [] });
        const third = await stage.connected('e', { clean: false });
        third.send(subscribePacket(1, ['$share/g/a/b', 1]));
        await third.next('suback');
        await publish('one', 'two');
        await third.next('publish');
        third.socket.destroy();
        await other.next('publish');
        await other.next('publish');
        expect([(await kept('e')).waiting, (await kept('d')).waiting?.sort()]).toEqual([[], ['one', 'two']]);
      });

      test('has subscriptions with their options: no local, identifiers, shared (MQTT 5)', async () => {
        await serve();
        const properties = { sessionExpiryInterval: 60 };
        const first = await stage.connected5('c', { properties });
        const subscriptions = [
          { topic: 'a/b', qos: 2, nl: true, rap: true },
          { topic: '$share/g/shared', qos: 1 },
        ];
        const asked = { cmd: 'subscribe', messageId: 1, subscriptions };
        first.send({ ...asked, properties: { subscriptionIdentifier: 7 } } as never);
        await first.next('suback');
        first.send({ cmd: 'disconnect' });
        await first.end();
        await restart();
        const member = await stage.connected('writer');
        member.send(publishPacket('shared', 'one of them', { qos: 1, messageId: 1 }));
        await member.next('puback');
        await restart();
        const again = await stage.connected5('c', { clean: false, properties });
        expect(again.told.sessionPresent).toBe(true);
        expect(await again.next('publish')).toMatchObject({ topic: 'shared', qos: 1 });
        again.send(publishPacket('a/b', 'its own', { qos: 1, messageId: 1 }));
        expect(await again.next('puback')).toMatchObject({ reasonCode: 0 });
        const writer = await stage.connected('writer');
        writer.send(publishPacket('a/b', 'another’s', { qos: 2, messageId: 1, retain: true }));
        expect(await again.next('publish')).toMatchObject({
          qos: 2,
          retain: true,
          properties: { subscriptionIdentifier: 7 },
        });
        await again.quiet();
      });

      test('has what is given or taken exactly once as far as it was (section 4.3.3)', async () => {
        await serve();
        const fields = { clean: false };
        const reader = await stage.connected('c', fields);
        reader.send(subscribePacket(1, ['a/b', 2]));
        await reader.next('suback');
        const writer = await stage.connected('w', fields);
        const packet = publishPacket('a/b', 'once', { qos: 2, messageId: 9 });
        writer.send(packet);
        await writer.next('pubrec');
        expect(await kept('w')).toMatchObject({ published: [9] });
        const { messageId = 0 } = await reader.next('publish');
        reader.send({ cmd: 'pubrec', messageId });
        expect(await reader.next('pubrel')).toMatchObject({ messageId });
        await restart();
        const { device: again } = await back('c');
        expect(await again.next('pubrel')).toMatchObject({ messageId });
        const { device: writerAgain } = await back('w');
        writerAgain.send({ ...packet, dup: true } as never);
        await writerAgain.next('pubrec');
        // It was published before: nobody is given it again.
        await again.quiet();
        writerAgain.send({ cmd: 'pubrel', messageId: 9 });
        await writerAgain.next('pubcomp');
        expect(await kept('w')).toMatchObject({ published: [] });
        again.send({ cmd: 'pubcomp', messageId });
        await again.quiet();
        await restart();
        await (await back('c')).device.quiet();
        const { device: last } = await back('w');
        last.send(packet);
        await last.next('pubrec');
        expect(stage.server.stats().publications.published).toBe(1);
      });

      test('has what waited with the properties of MQTT 5, until it expires', async () => {
        await serve();
        const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
        await away('c', 'a/b');
        const writer = await stage.connected5('w');
        const properties = { correlationData: Buffer.of(1, 0, 255), userProperties: { unit: '°C' } };
        writer.send(publishPacket('a/b', 'kept', { qos: 1, messageId: 1, properties }));
        await writer.next('puback');
        const expires = { qos: 1, messageId: 2, properties: { messageExpiryInterval: 5 } };
        writer.send(publishPacket('a/b', 'for a while', expires));
        await writer.next('puback');
        await restart();
        stage.clock.advance(5_000);
        const again = await stage.connected5('c', fields);
        expect(await again.next('publish')).toMatchObject({ properties });
        await again.quiet();
        expect((await kept('c')).waiting).toEqual(['kept']);
      });

      test('leaves a client id to whom it belongs', async () => {
        await serve();
        await subscribed('c', { username: 'ada' });
        await restart();
        expect(await back('c', { username: 'eve' })).toMatchObject({ returnCode: 5 });
        expect(await back('c', { username: 'ada' })).toMatchObject({ returnCode: 0, sessionPresent: true });
      });

      test('has no session that was clean, or that has ended', async () => {
        await serve();
        await stage.connected('clean');
        await subscribed('ended');
        await stage.connected('ended');
        await restart();
        expect(stage.server.stats().clients.resumable).toBe(0);
        expect((await back('ended')).sessionPresent).toBe(false);
      });

      test('has no session for longer than it was to wait, whether the server was there or not', async () => {
        await serve({}, { maxSessionMs: 60_000 });
        (await subscribed('c')).socket.destroy();
        await until(() => stage.server.stats().clients.resumable === 1, 'its loss');
        stage.clock.advance(30_000);
        await restart({}, { maxSessionMs: 60_000 });
        stage.clock.advance(15_000);
        expect(stage.server.stats().clients.resumable).toBe(1);
        stage.clock.advance(15_000);
        expect(stage.server.stats().clients.resumable).toBe(0);
        await restart();
        expect((await back('c')).sessionPresent).toBe(false);
      });

      test('asks anew what a session may read, by the claims that it had', async () => {
        const verifyClient = () => ({ claims: { may: true } });
        const canSubscribe = ({ client }: { client: { claims: { may?: unknown } } }) =>
          client.claims.may === true;
        const channels = { '#': { ...open, canSubscribe } };
        const host = '127.0.0.1';
        await serve({ verifyClient, host, channels });
        await subscribed('c', { username: 'ada' });
        await restart({ verifyClient, host, channels });
        await stage.server.publish('a/b', 'by claims');
        await restart({ verifyClient, host, channels: { '#': { ...open, canSubscribe: () => false } } });
        await stage.server.publish('a/b', 'no more');
        const { device } = await back('c', { username: 'ada' });
        expect(String((await device.next('publish')).payload)).toBe('by claims');
        await device.quiet();
      });
    });
  });
}
