import { collectingLogger, createHarness, SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { setup } from 'xstate';
import type { Plugin } from './plugin.ts';
import { type Owner, Registry, sharing } from './registry.ts';

const broken = new Error('broken');
const machine = setup({
  types: { events: {} as { type: 'GO' } | { type: 'CRASH' } | { type: 'END' } },
  actions: {
    crash: () => {
      throw broken;
    },
  },
}).createMachine({
  initial: 'here',
  states: {
    here: { on: { GO: 'there', CRASH: { actions: 'crash' }, END: 'gone' } },
    there: {},
    gone: { type: 'final' },
  },
});

describe('the registry', () => {
  const make = () => {
    const logger = collectingLogger();
    const registry = new Registry<Owner & { crashes: unknown[] }>(new SimulatedClock(), logger, undefined);
    const spawn = (id: string) => {
      const owner = {
        crashes: [] as unknown[],
        crashed(error: unknown) {
          owner.crashes.push(error);
        },
      };
      return { owner, actor: registry.spawn(machine, id, machine.resolveState({ value: 'here' }), owner) };
    };
    return { logger, registry, spawn };
  };

  test('survives an actor that crashes, tells its owner, and forgets it', () => {
    const { logger, registry, spawn } = make();
    const [one, two] = [spawn('one'), spawn('two')];
    one.actor.send({ type: 'CRASH' });
    expect(one.owner.crashes).toEqual([broken]);
    expect(logger.logs).toMatchObject([
      { level: 'error', message: 'an actor crashed', fields: { actor: 'one', cause: broken } },
    ]);
    expect([registry.owner('one'), registry.owner('two')]).toEqual([undefined, two.owner]);
    one.actor.send({ type: 'GO' });
    two.actor.send({ type: 'GO' });
    expect(two.actor.getSnapshot().value).toBe('there');
    expect(two.owner.crashes).toEqual([]);
    expect(spawn('one').actor.getSnapshot().value).toBe('here');
  });

  test('gives the actors of a sharing machine one snapshot to begin with, and each its own from then on', () => {
    const registry = new Registry(new SimulatedClock(), collectingLogger(), undefined);
    const shared = sharing(machine.provide({}));
    const initial = shared.resolveState({ value: 'here' });
    const spawn = (id: string) => registry.spawn(shared, id, initial, { crashed: () => {} });
    const [one, two] = [spawn('one'), spawn('two')];
    expect([one.getSnapshot(), two.getSnapshot()]).toEqual([initial, initial]);
    expect(one.getSnapshot()).toBe(two.getSnapshot());
    one.send({ type: 'GO' });
    expect([one.getSnapshot().value, two.getSnapshot().value, initial.value]).toEqual([
      'there',
      'here',
      'here',
    ]);
  });

  test('shows an actor without a way to send to it, and contains who observes it', () => {
    const { logger, registry, spawn } = make();
    const { actor } = spawn('one');
    const view = registry.view(actor);
    expect(view).not.toHaveProperty('send');
    const seen: unknown[] = [];
    view.subscribe(() => {
      throw broken;
    });
    view.subscribe({ next: ({ value }) => seen.push(value), complete: () => seen.push('complete') });
    actor.send({ type: 'GO' });
    expect(seen).toEqual(['there']);
    const ending = spawn('two');
    registry.view(ending.actor).subscribe({ complete: () => seen.push('complete') });
    ending.actor.send({ type: 'END' });
    expect([view.id, seen]).toEqual(['one', ['there', 'complete']]);
    expect(logger.logs).toMatchObject([{ fields: { actor: 'one', cause: broken } }]);
  });
});

describe('a user whose actor crashes', () => {
  const poisoned: PropertyDescriptor = {
    enumerable: true,
    get: () => {
      throw new Error('poison');
    },
  };
  /** A reducer that gives what throws when an event is made of it: the way to such a crash that applications have. */
  const poison = (when: (event: { type: string }) => boolean): Plugin => ({
    name: 'poison',
    setup: ({ status }) =>
      status((now, { event }) =>
        when(event) ? Object.defineProperty({ ...now, status: 'AWAY' }, 'poison', poisoned) : now,
      ),
  });

  test('is closed with all clients, who come back to a new one; others go on', async () => {
    const harness = await createHarness({
      plugins: [poison(({ type }) => type === 'ACTIVITY')],
      handlers: { A: () => 1 },
    });
    const { server, connect, logs } = harness;
    const [tab, other, stranger] = [await connect(1), await connect(1), await connect(2)];
    await tab.subscribe('STATUS_CHANGE');
    tab.raw('{"op":"activity","state":"idle"}');
    for (const client of [tab, other]) await client.expectClose('INTERNAL');
    expect(logs.some(({ message }) => message === 'an actor crashed')).toBe(true);
    await stranger.expectReply(stranger.call({ type: 'A' }));
    for (const client of [tab, other]) {
      await client.resume();
      await client.expectGap({ reason: 'session' });
      await client.expectReply(client.call({ type: 'A' }));
    }
    expect([...server.users.keys()].sort()).toEqual(['1', '2']);
    await server.sendToUser(1, { type: 'B' });
    for (const client of [tab, other]) await client.expectMessage({ type: 'B' });
    for (const client of [tab, other, stranger]) client.close();
    expect([server.users.size, server.stats().clients.resumable]).toEqual([0, 0]);
  });

  test('is kept from it where a reducer gives nothing at all', async () => {
    let poisoned = true;
    const bad: Plugin = {
      name: 'bad',
      setup: ({ status }) => status((now) => (poisoned ? (undefined as never) : now)),
    };
    const { server, logs: errors, connect } = await createHarness({ plugins: [bad] });
    await connect(1);
    expect(errors.flatMap(({ level, fields }) => (level === 'error' ? [fields.cause] : []))).toEqual([
      new TypeError('a status reducer gave no status'),
    ]);
    poisoned = false;
    const seen: string[] = [];
    server.events$.subscribe(({ type }) => seen.push(type));
    await connect(2);
    expect(seen).toContain('USER_JOINED');
    expect(seen).toContain('CLIENT_ONLINE');
  });
});
