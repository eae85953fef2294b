import type { Server } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type Cable,
  type Deferred,
  deferred,
  failure,
  heard,
  Stage,
  until,
  type Way,
} from '../test/support.ts';
import { type Client, SendError } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

/** A client at a server that prints tickets, over a cable that can be cut. */
interface BoxOffice {
  readonly client: Client;
  readonly cable: Cable;
  /** How often the handler has run, on whatever server. */
  runs(): number;
  /** What the handler waits for. */
  readonly printed: Deferred<string>;
}

const PRINT = { type: 'PRINT_TICKETS', seats: ['7-9'] };

async function open(options: { resend?: boolean; timeoutMs?: number } = {}) {
  const printed = deferred<string>();
  let runs = 0;
  const handlers = {
    [PRINT.type]: () => {
      runs++;
      return printed.promise;
    },
  };
  const server = await stage.serve({ handlers });
  const cable = await stage.cable(server);
  const client = await stage.online(cable, 44, options);
  return { server, handlers, cable, client, printed, runs: () => runs };
}

/** The link is cut when `at` is reached; the handler's work ends before the client is back, or only after that. */
interface Cut {
  readonly hold?: Way;
  at(boxOffice: BoxOffice): Promise<void>;
  readonly ends: 'before' | 'after';
}

const cuts: [string, Cut][] = [
  [
    'before it has reached the server',
    {
      hold: 'toServer',
      at: async ({ cable, runs }) => {
        await until(() => cable.held.toServer !== '', 'the request on its way');
        expect(runs()).toBe(0);
      },
      ends: 'before',
    },
  ],
  [
    'while the handler runs, which ends before the client is back',
    { at: ({ runs }) => until(() => runs() === 1, 'the handler'), ends: 'before' },
  ],
  [
    'while the handler runs, which ends when the client is back',
    { at: ({ runs }) => until(() => runs() === 1, 'the handler'), ends: 'after' },
  ],
  [
    'when it has ended, with the reply on its way',
    {
      hold: 'toClient',
      at: async ({ cable, printed }) => {
        printed.resolve('two tickets');
        await until(() => cable.held.toClient.includes('two tickets'), 'the reply on its way');
      },
      ends: 'before',
    },
  ],
];

describe.each(cuts)('5. The link is cut in the middle of a send: %s', (_, { hold, at, ends }) => {
  /** Sends, and cuts. */
  async function cutOff(options: { resend?: boolean }) {
    const boxOffice = await open(options);
    const { client, cable, printed, runs } = boxOffice;
    if (hold !== undefined) cable.hold(hold);
    let settled = false;
    const send = client.sendToServer(PRINT);
    const done = () => {
      settled = true;
    };
    send.then(done, done);
    await at(boxOffice);
    expect(settled).toBe(false);
    cable.cut();
    if (ends === 'before') printed.resolve('two tickets');
    /** The handler ends now, if it has not before, and is not begun once more. */
    const end = async (reply: Promise<unknown>) => {
      printed.resolve('two tickets');
      await expect(reply).resolves.toBe('two tickets');
      await expect(client.sendToUser({ type: 'AFTERWARDS' }, 44)).resolves.toBeUndefined();
      expect(runs()).toBe(1);
    };
    return { ...boxOffice, send, end, settled: () => settled };
  }

  test('it rejects at once with {error, action, retry}; a retry is answered, and handled once', async () => {
    const { client, send, end } = await cutOff({});
    const id = client.id;
    const lost = await failure(send);
    expect(lost).toBeInstanceOf(SendError);
    expect(lost).toMatchObject({
      error: { code: 'CONNECTION_LOST', retryable: true },
      action: PRINT,
      effect: 'perhaps',
      retry: expect.any(Function),
    });
    expect(client.getStatus()).toBe('OFFLINE');
    await stage.back(client);
    expect(client.id).toBe(id);
    const retry = lost.retry();
    expect(lost.retry()).toBe(retry);
    await end(retry);
  });

  test('a retry asked for before the client is back waits for that', async () => {
    const { client, send, end } = await cutOff({ resend: false });
    const retry = (await failure(send)).retry();
    await stage.back(client);
    await end(retry);
  });

  test('with `resend` it resolves after the reconnect, handled once', async () => {
    const { client, send, end, settled } = await cutOff({ resend: true });
    await stage.lost(client);
    expect([client.getStatus(), settled()]).toEqual(['OFFLINE', false]);
    await stage.back(client);
    await end(send);
  });
});

describe('5. The link is cut in the middle of a send', () => {
  test('a broadcast whose reply was lost is in the other tab once, also after a retry', async () => {
    const { server, cable, client } = await open();
    const other = await stage.online(server, 44);
    const seen = heard(other, 'SHORTLIST_UPDATE');
    cable.hold('toClient');
    const send = client.broadcast({ type: 'SHORTLIST_UPDATE', state: [7] });
    await until(() => cable.held.toClient.includes('"reply"'), 'the reply on its way');
    cable.cut();
    const { code, retry } = await failure(send);
    expect(code).toBe('CONNECTION_LOST');
    await stage.back(client);
    await expect(retry()).resolves.toBeUndefined();
    await stage.delivered(server, [client, other]);
    expect(seen).toEqual([{ type: 'SHORTLIST_UPDATE', state: [7] }]);
  });

  test.each([false, true])('what is sent without a connection waits for one (resend: %s)', async (resend) => {
    const { cable, client, printed, runs } = await open({ resend });
    cable.cut();
    await stage.lost(client);
    const send = client.sendToServer(PRINT);
    printed.resolve('two tickets');
    await stage.back(client);
    await expect(send).resolves.toBe('two tickets');
    expect(runs()).toBe(1);
  });

  test('with `resend`, but no way back in time: it rejects with its outcome open', async () => {
    const { cable, client, runs } = await open({ resend: true, timeoutMs: 5_000 });
    const send = client.sendToServer(PRINT);
    await until(() => runs() === 1, 'the handler');
    cable.plugIn(undefined);
    cable.cut();
    await stage.lost(client);
    stage.clock.advance(5_000);
    expect(await failure(send)).toMatchObject({ error: { code: 'TIMEOUT' }, effect: 'perhaps' });
    expect(runs()).toBe(1);
  });
});

describe('5. The server is restarted in the middle of a send', () => {
  /** The handler runs when the server goes; another one, that knows nothing, takes its place. */
  async function restarted(resend: boolean, follow: (send: Promise<unknown>) => Promise<SendError>) {
    const boxOffice = await open({ resend });
    const { server, handlers, cable, client, runs } = boxOffice;
    const id = client.id;
    const failed = follow(client.sendToServer(PRINT));
    await until(() => runs() === 1, 'the handler');
    cable.plugIn(undefined);
    cable.cut();
    await stage.finish(server.disconnect());
    const next = await stage.serve({ handlers });
    cable.plugIn(next);
    await stage.back(client);
    expect(client.id).not.toBe(id);
    return { boxOffice, next, lost: await failed };
  }

  /** Nobody can say what became of it: nothing runs unasked, and the connection is as good as any. */
  async function unknown(lost: SendError, next: Server, { client, printed, runs }: BoxOffice) {
    expect(lost).toMatchObject({ error: { code: 'OUTCOME_UNKNOWN', retryable: false }, action: PRINT });
    expect(lost.effect).toBe('perhaps');
    expect((await failure(lost.retry())).code).toBe('OUTCOME_UNKNOWN');
    await client.sendToUser({ type: 'AFTERWARDS' }, 44);
    expect([runs(), next.stats().errors]).toEqual([1, {}]);
    printed.resolve('two tickets');
    await expect(client.sendToServer(PRINT)).resolves.toBe('two tickets');
    expect(runs()).toBe(2);
  }

  test('it rejects at once; a retry afterwards says that the outcome is unknown', async () => {
    const { boxOffice, next, lost } = await restarted(false, failure);
    expect(lost.code).toBe('CONNECTION_LOST');
    await unknown(await failure(lost.retry()), next, boxOffice);
  });

  test('a retry that waits for the connection learns the same', async () => {
    const { boxOffice, next, lost } = await restarted(false, async (send) =>
      failure((await failure(send)).retry()),
    );
    await unknown(lost, next, boxOffice);
  });

  test('with `resend` it rejects when another server is found: the outcome is unknown', async () => {
    const { boxOffice, next, lost } = await restarted(true, failure);
    await unknown(lost, next, boxOffice);
  });

  test('what had not been sent by then is sent to the new one, once', async () => {
    const { server, handlers, cable, client, printed, runs } = await open();
    cable.plugIn(undefined);
    cable.cut();
    await stage.lost(client);
    const send = client.sendToServer(PRINT);
    await stage.finish(server.disconnect());
    cable.plugIn(await stage.serve({ handlers }));
    printed.resolve('two tickets');
    await stage.back(client);
    await expect(send).resolves.toBe('two tickets');
    expect(runs()).toBe(1);
  });
});
