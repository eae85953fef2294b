import assert from 'node:assert/strict';
import { SimulatedClock } from '@callboard/testkit';
import { type HttpOptions, http } from '../src/http.ts';
import type { ClientConnection, ClientTransport } from '../src/transport.ts';
import { type Asked, ScriptedFetch } from './scripted-fetch.ts';

/** What the server says to an opening. */
export const welcome = { protocol: 'callboard.v1.json', connection: 'the-secret', maxBodyBytes: 100 };

/** A connection over HTTP, and the network that the test plays. */
export class HttpStage {
  readonly clock = new SimulatedClock();
  readonly network = new ScriptedFetch();
  connection!: ClientConnection;
  /** What the transport told. */
  told: unknown[] = [];
  #transport!: ClientTransport;

  /** Begins to open a connection, as far as the first request. */
  begin(options: HttpOptions = {}): Asked {
    this.#transport = http({ timers: this.clock, fetch: this.network.fetch, ...options });
    return this.again();
  }

  again(): Asked {
    this.connection = this.#transport.open('ws://127.0.0.1:1/callboard?x=1', {
      opened: () => void this.told.push('opened'),
      received: (text) => void this.told.push(text),
      closed: (code, reason) => void this.told.push([code, reason]),
    });
    return this.network.last;
  }

  /** The request that comes of what happened. */
  async next(): Promise<Asked> {
    const { asked } = this.network;
    const before = asked.length;
    for (let i = 0; i < 20 && asked.length === before; i++) await this.clock.settle();
    assert.equal(asked.length, before + 1);
    return this.network.last;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await this.clock.settle();
  }

  /** A connection with a stream. */
  async streaming(): Promise<ReturnType<Asked['stream']>> {
    this.begin().answer(201, welcome);
    const stream = (await this.next()).stream();
    stream.write(':\n\n');
    await this.settle();
    assert.deepEqual(this.told, ['opened']);
    this.told = [];
    return stream;
  }

  /** A connection that polls, and its first poll. */
  async polling(): Promise<Asked> {
    this.begin({ mode: 'poll' }).answer(201, welcome);
    const poll = await this.next();
    assert.deepEqual([this.told, poll.headers['callboard-poll']], [['opened'], '1']);
    this.told = [];
    return poll;
  }
}
