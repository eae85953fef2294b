import {
  type ClientFrame,
  type ConnectFrame,
  Disconnect,
  encodeFrame,
  type ServerFrame,
} from '@callboard/protocol';
import { type Awaitable, type Timers, whenReady } from '@callboard/runtime';
import { LONGEST_MS } from './longest.ts';
import type { Ending } from './machine.ts';
import { serverFrame } from './server-frame.ts';
import type { ClientConnection, ClientTransport } from './transport.ts';

export interface LinkHost {
  readonly timers: Timers;
  readonly transport: ClientTransport;
  readonly url: string;
  /** The first frame; its token may have to be fetched. Rejects where there is none to be had. */
  connectFrame(): Awaitable<ConnectFrame>;
  opened(): void;
  received(frame: ServerFrame): void;
  /** Once, unless it was let go before. */
  lost(ending: Ending): void;
  /** The first frame could not be made. */
  failed(cause: unknown): void;
}

/** One connection: from the first attempt to its end. Once it is let go of nothing is heard of it any more. */
export class Link {
  readonly #host: LinkHost;
  #connection: ClientConnection | undefined;
  #over = false;
  #farewell: Ending | undefined;
  #heardAt = 0;
  /** Longer than this without a word, and the link is dead; not known before `watch`. */
  #silenceMs = Number.POSITIVE_INFINITY;
  #watch: unknown;
  #probe: unknown;
  #onClosed: (() => void) | undefined;

  constructor(host: LinkHost) {
    this.#host = host;
    whenReady(
      () => host.connectFrame(),
      (frame) => this.#open(frame),
      (cause) => {
        if (this.#over) return;
        host.failed(cause);
        this.giveUp('no connection could be opened');
      },
    );
  }

  send(frame: ClientFrame): void {
    this.write(encodeFrame(frame));
  }

  /** Writes a frame that is encoded already. */
  write(text: string): void {
    if (!this.#over) this.#connection?.send(text);
  }

  /** Pings come at fixed times: whoever hears nothing for longer has lost the link, whatever the socket says. */
  watch(silenceMs: number): void {
    this.#silenceMs = silenceMs;
    this.#listen(silenceMs);
  }

  /**
   * Timers and pings may have slept, so a round trip shows whether the link lives: `ask` is to bring an answer about. A
   * link that was heard just now needs none.
   */
  probe(ask: () => void): void {
    const { timers } = this.#host;
    const heardAt = this.#heardAt;
    if (this.#over || this.#probe !== undefined || timers.now() - heardAt < PROBE_MS) return;
    this.#probe = timers.setTimeout(() => {
      this.#probe = undefined;
      if (this.#heardAt === heardAt) this.giveUp('a probe was not answered');
    }, PROBE_MS);
    ask();
  }

  /** Nothing answers: the end, as of a connection that was lost. */
  giveUp(reason: string): void {
    if (this.#over) return;
    this.drop();
    this.#lost({ code: 1006, reason, afterMs: undefined });
  }

  /** Lets go at once, without a word to anybody. */
  drop(): void {
    this.#forget();
    this.#connection?.drop();
  }

  /** Says goodbye, which ends the session too. `closed` is called when the other side has heard it. */
  close(closed: () => void): void {
    if (this.#over || this.#connection === undefined) {
      this.#forget();
      return closed();
    }
    this.#forget();
    this.#onClosed = closed;
    this.#connection.close(1000, '');
  }

  #open(frame: ConnectFrame): void {
    if (this.#over) return;
    const { transport, url } = this.#host;
    this.#connection = transport.open(url, {
      opened: () => {
        if (this.#over) return;
        this.#heard();
        this.send(frame);
        this.#host.opened();
      },
      received: (text) => this.#received(text),
      closed: (code, reason) => {
        this.#onClosed?.();
        if (this.#over) return;
        this.#forget();
        this.#lost({ code, reason, afterMs: undefined });
      },
    });
  }

  #received(text: string): void {
    if (this.#over) return;
    this.#heard();
    let frame: ServerFrame;
    try {
      frame = serverFrame(text);
    } catch (error) {
      return this.giveUp(error instanceof Disconnect ? error.reason : 'unreadable');
    }
    if (frame.op === 'disconnect') this.#farewell = farewell(frame);
    else this.#host.received(frame);
  }

  #heard(): void {
    this.#heardAt = this.#host.timers.now();
  }

  /** One timer for the whole time: it looks when the last word was, and waits for the rest. */
  #listen(ms: number): void {
    const { timers } = this.#host;
    timers.clearTimeout(this.#watch);
    this.#watch = timers.setTimeout(
      () => {
        // A clock that was set back must not make the silence longer.
        this.#heardAt = Math.min(this.#heardAt, timers.now());
        const restMs = this.#heardAt + this.#silenceMs - timers.now();
        if (restMs > 0) this.#listen(restMs);
        else this.giveUp('nothing was heard');
      },
      Math.min(ms, LONGEST_MS),
    );
  }

  /** The server's own last word says more than how the line went dead. */
  #lost(ending: Ending): void {
    this.#host.lost(this.#farewell ?? ending);
  }

  #forget(): void {
    this.#over = true;
    const { timers } = this.#host;
    timers.clearTimeout(this.#watch);
    timers.clearTimeout(this.#probe);
  }
}

function farewell({ code, reason, afterMs }: { code: number; reason: string; afterMs?: number }): Ending {
  return { code, reason, afterMs };
}

/** Time for the answer to a probe; a link that was heard within it needs none. */
const PROBE_MS = 5_000;
