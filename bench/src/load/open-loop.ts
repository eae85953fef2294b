import type { Bench } from '../scenario.ts';
import type { Connection } from './connection.ts';
import { watchForStall } from './stall.ts';

export interface OpenLoopOptions {
  readonly sender: Connection;
  /** All who get what the sender sends. */
  readonly readers: readonly Connection[];
  /** One message, which says that it was sent `atMs`. */
  readonly request: (atMs: number) => string;
  readonly random: () => number;
}

/** Messages that are sent whether or not those before have arrived. */
export interface OpenLoop {
  /** As fast as they arrive, a few on their way at any time. Resolves with how many a second that are. */
  saturate(messages: number): Promise<number>;
  /**
   * So many a second on average, at times that know nothing of one another (a Poisson process). Resolves with the
   * latencies of every fiftieth reader, from when a message was due until it was there: one that leaves late because
   * the sender had to wait has waited.
   */
  pace(perSecond: number, messages: number): Promise<readonly number[]>;
}

const sampledReaders = 50;
const onTheirWay = 4;
/** A timer may be late by that; the rest is waited for turn by turn. */
const timerMs = 2;

export function createOpenLoop({ dialect }: Bench, options: OpenLoopOptions): OpenLoop {
  const { sender, readers, request, random } = options;
  /** The readers' frames, and the sender's reply. */
  const framesPerMessage = readers.length + 1;
  let frames = 0;
  let latenciesMs: number[] = [];
  let onFrames: () => void = () => {};

  const count = () => {
    frames++;
    if (frames % framesPerMessage === 0) onFrames();
  };
  for (const [index, reader] of readers.entries()) {
    reader.onText =
      index % sampledReaders !== 0
        ? count
        : (bytes, start, end) => {
            const action = dialect.delivered(bytes.toString('utf8', start, end));
            if (!action) throw new Error('Not what was sent');
            latenciesMs.push(performance.now() - action.at);
            count();
          };
  }
  sender.onText = (bytes, start, end) => {
    if (dialect.settled(bytes.toString('utf8', start, end)) !== undefined) count();
  };

  /** Resolves when all of so many messages are there; `arrived` is called whenever one more is. */
  function all(messages: number, arrived: () => void): Promise<void> {
    frames = 0;
    latenciesMs = [];
    return new Promise((resolve) => {
      const watch = watchForStall(() => `${frames} of ${messages * framesPerMessage} frames are here`);
      onFrames = () => {
        watch.progress();
        arrived();
        if (frames < messages * framesPerMessage) return;
        watch.stop();
        resolve();
      };
    });
  }

  return {
    async saturate(messages) {
      let left = messages;
      const send = () => {
        if (left-- > 0) sender.write(request(performance.now()));
      };
      const done = all(messages, send);
      const startMs = performance.now();
      for (let i = 0; i < onTheirWay; i++) send();
      await done;
      return (messages / (performance.now() - startMs)) * 1000;
    },
    async pace(perSecond, messages) {
      let left = messages;
      let dueMs = performance.now();
      const done = all(messages, () => {});
      sendWhatIsDue();
      await done;
      return latenciesMs;

      function sendWhatIsDue(): void {
        while (left > 0 && dueMs <= performance.now()) {
          left--;
          sender.write(request(dueMs));
          dueMs += (-Math.log(1 - random()) * 1000) / perSecond;
        }
        const inMs = dueMs - performance.now();
        if (left === 0) return;
        if (inMs > timerMs) setTimeout(sendWhatIsDue, inMs - timerMs);
        else setImmediate(sendWhatIsDue);
      }
    },
  };
}
