import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { map, tap } from 'rxjs';
import {
  createServer,
  createToken,
  type EventScope,
  type Plugin,
  provide,
  type StatusReducer,
  tokens,
} from './index.ts';

/** What anybody could write: everything a context offers, by public names alone. */
const journalToken = createToken<string[]>('example.journal');
const disposed: string[] = [];

interface Applause {
  readonly type: 'APPLAUSE';
  readonly count: number;
}

const applause = {
  name: 'applause' as const,
  setup({
    handle,
    event,
    inbound,
    outbound,
    check,
    status,
    metric,
    provide: give,
    inject,
    onDispose,
    clock,
  }) {
    const journal: string[] = [];
    give(journalToken, journal);
    let count = 0;
    const clapped = event<Applause>('APPLAUSE');
    handle('CLAP', ({ user }) => {
      clapped({ type: 'APPLAUSE', count: ++count }, { user });
      return { count, at: clock.now() };
    });
    inbound(tap(({ frame }) => void journal.push(`in ${frame.op}`)));
    outbound(
      map((outgoing) =>
        outgoing.kind === 'message'
          ? { ...outgoing, action: { ...outgoing.action, stamped: true } }
          : outgoing,
      ),
    );
    check(async ({ client, frame }) => {
      if ('action' in frame && frame.action.type === 'BOO') throw new Error(`${client.user.id} booed`);
    });
    const busy: StatusReducer = (now) =>
      count > 1 && now.status === 'ONLINE' ? { ...now, status: 'AWAY' } : now;
    status(busy);
    metric('claps', () => count);
    onDispose(() => void disposed.push('applause'));
    return { claps: () => count, journal: inject(journalToken) };
  },
} satisfies Plugin;

const audience = {
  name: 'audience' as const,
  setup({ inject, route, onDispose }) {
    const journal = inject(journalToken);
    route('/journal', (_request, response) => response.end(journal.join()));
    onDispose(async () => void disposed.push('audience'));
  },
} satisfies Plugin;

describe('a plugin made of public parts alone', () => {
  test('has its action, event, operators, check, status, metric, tokens and disposer', async () => {
    disposed.length = 0;
    const harness = await createHarness({ plugins: [applause, audience] });
    const { server, clock, connect } = harness;
    const [tab, stranger] = [await connect(1), await connect(2)];
    await tab.subscribe(['APPLAUSE', 'STATUS_CHANGE']);
    await stranger.subscribe('APPLAUSE');

    expect(await tab.expectReply(tab.call({ type: 'CLAP' }))).toEqual({ count: 1, at: clock.now() });
    await tab.expectEvent('APPLAUSE', { count: 1 });
    await stranger.expectNothing();
    expect([server.applause.claps(), server.stats().plugins]).toEqual([1, { applause: { claps: 1 } }]);
    expect('audience' in server).toBe(false);

    await tab.expectError(tab.call({ type: 'BOO' }), 'PLUGIN_ERROR');
    await tab.expectReply(tab.send({ type: 'A' }, 1));
    await tab.expectMessage({ type: 'A', stamped: true });
    expect(server.applause.journal).toEqual([
      'in subscribe',
      'in subscribe',
      'in call',
      'in call',
      'in send',
    ]);

    await tab.expectReply(tab.call({ type: 'CLAP' }));
    await tab.expectEvent('APPLAUSE', { count: 2 });
    tab.raw('{"op":"activity","state":"active"}');
    await tab.expectEvent('STATUS_CHANGE', { status: 'AWAY' });
    expect(server.users.get('1')?.status.status).toBe('AWAY');
    await tab.expectError(tab.call({ type: 'APPLAUSE' }), 'RESERVED_TYPE');

    await harness.until(server.disconnect({ graceMs: 0 }));
    expect(disposed).toEqual(['audience', 'applause']);
  });

  test('serves its route on the server’s HTTP server, while that runs', async () => {
    const harness = await createHarness({ port: 0, plugins: [applause, audience] });
    const { server, connect, until } = harness;
    const tab = await connect(1);
    await tab.expectReply(tab.call({ type: 'CLAP' }));
    const page = () => fetch(`http://127.0.0.1:${server.port}/journal`).then((response) => response.text());
    try {
      expect(await page()).toBe('in call');
    } finally {
      await until(server.disconnect({ graceMs: 0 }));
    }
    expect(server.port).toBeUndefined();
  });

  test('emits to everybody only what it says is for everybody', async () => {
    let emit: (event: { type: 'NEWS' }, scope?: EventScope) => void = () => {};
    const news: Plugin = {
      name: 'news',
      setup({ event }) {
        emit = event<{ type: 'NEWS' }>('NEWS');
      },
    };
    const { server, connect } = await createHarness({ plugins: [news] });
    const seen: string[] = [];
    server.events$.subscribe(({ type }) => type === 'NEWS' && seen.push(type));
    const [one, two, deaf] = [await connect(1), await connect(2), await connect(3)];
    for (const client of [one, two]) await client.subscribe('NEWS');
    emit({ type: 'NEWS' });
    emit({ type: 'NEWS' }, { user: undefined });
    const gone = server.users.get('3');
    deaf.close();
    // Of who has gone nobody else is told.
    emit({ type: 'NEWS' }, { user: gone });
    emit({ type: 'NEWS' }, { user: gone, everybody: true });
    for (const client of [one, two]) await client.expectNothing();
    emit({ type: 'NEWS' }, { everybody: true });
    for (const client of [one, two]) await client.expectEvent('NEWS');
    expect(seen).toHaveLength(5);
  });

  test('has its events announced to whoever connects; those of Callboard itself are not', async () => {
    const show: Plugin = {
      name: 'show',
      setup({ event }) {
        event('CURTAIN_UP');
        event('CAST_CHANGE');
      },
    };
    const { connect } = await createHarness({ plugins: [applause, show] });
    const tab = await connect(1);
    const announced = ['APPLAUSE', 'CURTAIN_UP', 'CAST_CHANGE'];
    expect(tab.connected.events).toEqual(announced);
    await tab.subscribe(announced);
    tab.cut();
    expect((await tab.resume()).events).toEqual(announced);

    const eventless = await createHarness({ plugins: [{ name: 'eventless', setup() {} }] });
    for (const harness of [await createHarness(), eventless])
      expect((await harness.connect(1)).connected).not.toHaveProperty('events');
  });

  test('registers in its setup, and not later', async () => {
    const late: (() => void)[] = [];
    const plugin: Plugin = {
      name: 'late',
      setup(ctx) {
        late.push(
          () => ctx.handle('A', () => 1),
          () => ctx.event('A'),
          () => ctx.inbound(tap()),
          () => ctx.outbound(tap()),
          () => ctx.check(() => {}),
          () => ctx.status((now) => now),
          () => ctx.route('/a', () => {}),
          () => ctx.provide(createToken('a'), 1),
          () => ctx.metric('a', () => 1),
        );
      },
    };
    await createHarness({ plugins: [plugin] });
    expect(late).toHaveLength(9);
    for (const register of late) expect(register).toThrow('the plugin late registers outside of its setup');
  });

  test('meets another one’s claims with an error that names what', () => {
    const claims = (name: string, setup: Plugin['setup']): Plugin => ({ name, setup });
    const make = (...plugins: Plugin[]) => createServer({ transports: [], plugins });
    const handles = (name: string) => claims(name, ({ handle }) => handle('A', () => 1));
    expect(() => make(handles('one'), handles('two'))).toThrow('another handler answers A');
    expect(() =>
      createServer({ transports: [], plugins: [handles('one')], handlers: { A: () => 2 } }),
    ).toThrow('another handler answers A');
    const emits = (name: string, type: string) => claims(name, ({ event }) => void event(type));
    expect(() => make(emits('one', 'E'), emits('two', 'E'))).toThrow('native event E');
    expect(() => make(emits('one', 'STATUS_CHANGE'))).toThrow('native event STATUS_CHANGE');
    const gives = (name: string) => claims(name, ({ provide: give }) => give(journalToken, []));
    expect(() => make(gives('one'), gives('two'))).toThrow('example.journal');
    expect(() => make(claims('asks', ({ inject }) => void inject(createToken('nowhere'))))).toThrow(
      'nowhere',
    );
    const api = (name: string) => claims(name, () => ({}));
    expect(() => make(api('users'))).toThrow('cannot be named users');
    expect(() => make(api('twice'), api('twice'))).toThrow('cannot be named twice');
    const silent = (name: string) => claims(name, () => undefined);
    expect(() => make(silent('twice'), silent('twice'))).toThrow('twice');
  });

  test('cannot take the place of what the server stands on', () => {
    for (const token of Object.values(tokens)) {
      const takes: Plugin = {
        name: 'takes',
        setup: ({ provide: give }) => give(token as never, {} as never),
      };
      expect(() => createServer({ transports: [], plugins: [takes] })).toThrow('the application');
    }
  });

  test('finds what the application provides', () => {
    let found: string[] = [];
    const asks: Plugin = {
      name: 'asks',
      setup({ inject }) {
        found = inject(journalToken);
      },
    };
    const journal = ['of the application'];
    createServer({ transports: [], plugins: [asks], provide: [provide(journalToken, journal)] });
    expect(found).toBe(journal);
  });

  test('whose setup throws keeps the server from being made', () => {
    const fails: Plugin = {
      name: 'fails',
      setup() {
        throw new Error('no way');
      },
    };
    expect(() => createServer({ transports: [], plugins: [fails] })).toThrow('no way');
  });
});
