import { type Clock, ReplyError } from '@callboard/core';

/** What is asked. */
interface Question {
  readonly replyTopic: string;
  /** An answer may be known by it (MQTT 5). */
  readonly correlation: Buffer;
  /** Whether this is the answer, where nothing says so. What it throws the question fails with. */
  readonly isAnswer: ((payload: Buffer) => boolean) | undefined;
  readonly timeoutMs: number;
  readonly send: () => void;
}

interface Exchange extends Question {
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (error: unknown) => void;
  timer: unknown;
}

/**
 * What the server asks a device, and what that answers on the topic which belongs to the question. Nothing else tells which answer
 * is whose where a device does not know correlation data: of one topic there is one question at a time, the next is sent when that is settled.
 */
export class Exchanges {
  readonly #clock: Clock;
  /** By reply topic; the first of each has been sent. */
  readonly #waiting = new Map<string, Exchange[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ReplyError DEVICE_TIMEOUT, DEVICE_GONE, and what `send` throws. */
  ask(question: Question): Promise<Buffer> {
    const { replyTopic } = question;
    return new Promise((resolve, reject) => {
      const exchange: Exchange = { ...question, resolve, reject, timer: undefined };
      const waiting = this.#waiting.get(replyTopic);
      if (waiting !== undefined) return void waiting.push(exchange);
      this.#waiting.set(replyTopic, [exchange]);
      this.#begin(exchange);
    });
  }

  /** The device has published this; what has another correlation comes too late, or is not for the server. */
  heard(topic: string, payload: Buffer, correlation: Buffer | undefined): void {
    const asked = this.#waiting.get(topic)?.[0];
    if (asked === undefined || correlation?.equals(asked.correlation) === false) return;
    try {
      if (correlation === undefined && asked.isAnswer?.(payload) === false) return;
    } catch (error) {
      return this.#settle(topic, ({ reject }) => reject(error));
    }
    this.#settle(topic, ({ resolve }) => resolve(payload));
  }

  /** The session is over. */
  end(): void {
    const all = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const { timer, reject } of all) {
      this.#clock.clearTimeout(timer);
      reject(new ReplyError('DEVICE_GONE', { message: 'The device’s session has ended.' }));
    }
  }

  #begin(exchange: Exchange): void {
    const { replyTopic, send, timeoutMs } = exchange;
    const fail = (error: ReplyError) => this.#settle(replyTopic, ({ reject }) => reject(error));
    try {
      send();
    } catch (error) {
      return fail(error as ReplyError);
    }
    const timedOut = new ReplyError('DEVICE_TIMEOUT', { message: 'The device did not answer in time.' });
    exchange.timer = this.#clock.setTimeout(() => fail(timedOut), timeoutMs);
  }

  #settle(replyTopic: string, settle: (exchange: Exchange) => void): void {
    const waiting = this.#waiting.get(replyTopic);
    const exchange = waiting?.shift();
    if (waiting === undefined || exchange === undefined) return;
    this.#clock.clearTimeout(exchange.timer);
    settle(exchange);
    const [next] = waiting;
    if (next === undefined) this.#waiting.delete(replyTopic);
    else this.#begin(next);
  }
}
