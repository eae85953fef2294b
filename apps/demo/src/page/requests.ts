import type { ErrorFrame, ReplyFrame, RequestFrame } from '@callboard/protocol';

/** A request before it has its mid. */
export type Body = RequestFrame extends infer F
  ? F extends unknown
    ? Omit<F, 'mid' | 'settled'>
    : never
  : never;

export type Answer =
  | { readonly ok: true; readonly result: unknown; readonly ms: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

interface OpenRequest {
  readonly frame: RequestFrame;
  /** When it first went out; undefined while it waits for a connection. */
  writtenAt: number | undefined;
  settle(answer: Answer): void;
}

/** Longer than the server's own time-out, for the time without a connection (PROTOCOL.md, "Time-outs"). */
const TIMEOUT_MS = 90_000;

/** The requests of one client: their mids, and what is still to be answered. Nothing stays open for ever. */
export class Requests {
  #lastMid = 0;
  #lastWritten = 0;
  /** By mid, and so in the order of their mids. */
  readonly #open = new Map<number, OpenRequest>();

  /** The highest mid that the server can have seen; for `resume.mid`. */
  get lastWritten(): number {
    return this.#lastWritten;
  }

  /** All requests up to this mid are settled. */
  get settled(): number {
    const [oldest] = this.#open.keys();
    return oldest === undefined ? this.#lastMid : oldest - 1;
  }

  /** All that is open, in the order in which it is to be sent again. */
  get open(): readonly RequestFrame[] {
    return [...this.#open.values()].map(({ frame }) => frame);
  }

  add(body: Body): { readonly frame: RequestFrame; readonly answer: Promise<Answer> } {
    const mid = ++this.#lastMid;
    const { op, ...fields } = body;
    let settle: (answer: Answer) => void = () => {};
    const answer = new Promise<Answer>((resolve) => {
      settle = resolve;
    });
    const timer = setTimeout(() => this.#timeOut(mid), TIMEOUT_MS);
    this.#open.set(mid, {
      // `settled` stays what it is now: a repetition is the same frame.
      frame: { op, mid, settled: Math.min(this.settled, mid - 1), ...fields } as RequestFrame,
      writtenAt: undefined,
      settle: (given) => {
        clearTimeout(timer);
        this.#open.delete(mid);
        settle(given);
      },
    });
    return { frame: this.#open.get(mid)!.frame, answer };
  }

  written({ mid }: RequestFrame): void {
    this.#lastWritten = Math.max(this.#lastWritten, mid);
    const request = this.#open.get(mid);
    if (request) request.writtenAt ??= performance.now();
  }

  /** What is not waited for is ignored: after a repetition an answer may come twice. */
  answered(frame: ReplyFrame | ErrorFrame): void {
    const request = this.#open.get(frame.mid);
    if (request === undefined) return;
    if (frame.op === 'error') request.settle({ ok: false, code: frame.code, message: frame.message });
    else request.settle({ ok: true, result: frame.result, ms: performance.now() - (request.writtenAt ?? 0) });
  }

  /** The session is gone: of what went out nobody can say what became of it. What did not go out still may. */
  forgetWritten(): void {
    for (const { writtenAt, settle } of this.#open.values()) {
      if (writtenAt !== undefined) settle(unknown('The server no longer knows the session it was sent in.'));
    }
  }

  /** The client is done. */
  abandon(): void {
    for (const { writtenAt, settle } of this.#open.values()) {
      settle(writtenAt === undefined ? notSent : unknown('The client left before the answer came.'));
    }
  }

  #timeOut(mid: number): void {
    const request = this.#open.get(mid);
    request?.settle(request.writtenAt === undefined ? notSent : unknown('No answer came in time.'));
  }
}

const notSent: Answer = { ok: false, code: 'NOT_SENT', message: 'There was no connection to send it over.' };

function unknown(message: string): Answer {
  return { ok: false, code: 'OUTCOME_UNKNOWN', message };
}
