import type { ConnectedFrame, PublicationFrame, RequestFrame } from '@callboard/protocol';
import type { Channel } from '../src/api.ts';
import type { ClientPlugin } from '../src/index.ts';
import { resumed, ScriptedClient } from './scripted-client.ts';
import { connected, streamAt } from './scripted-transport.ts';

/** A client with channels, whose server is the test. */
export class ChannelStage<P extends readonly ClientPlugin[] = readonly []> extends ScriptedClient<P> {
  /** Requests about channels that were written and not answered, by name. */
  readonly #open = new Map<string, RequestFrame>();

  /** What was asked since this was asked last: `subscribe a 5`, where 5 is the position, or `unsubscribe a`. */
  async asked(): Promise<string[]> {
    await this.clock.settle();
    return this.server.take().flatMap((frame) => {
      if (frame.op !== 'subscribe' && frame.op !== 'unsubscribe') return [];
      return (frame.channels ?? []).map((name) => {
        this.#open.set(name, frame);
        const position = frame.op === 'subscribe' ? frame.positions?.[name] : undefined;
        return [frame.op, name, ...(position ? [position.offset] : [])].join(' ');
      });
    });
  }

  /** Answers what was asked last about a channel, which stands at `offset`, and lets the client go on. */
  async grant(name: string, offset = 0, epoch = 'epoch-1'): Promise<void> {
    const { op, mid } = await this.#request(name);
    const streams = { [name]: streamAt(name, offset, epoch) };
    this.receive({ op: 'reply', mid, ...(op === 'subscribe' && { result: { streams } }) });
    await this.clock.settle();
  }

  async refuse(name: string, code: string, retryable = false): Promise<void> {
    const { mid } = await this.#request(name);
    this.receive({ op: 'error', mid, code, message: code, retryable });
    await this.clock.settle();
  }

  publication(channel: string, offset: number, fields: Partial<PublicationFrame> = {}): void {
    this.receive({ op: 'publication', channel, epoch: 'epoch-1', offset, data: offset, ...fields });
  }

  unsubscribed(name: string, code: string, retryable = false): void {
    this.receive({ op: 'unsubscribed', channels: [name], code, message: code, retryable });
  }

  /** The link is lost, and another one is there: `connected` has come, and nothing else. */
  async relink(fields: Partial<ConnectedFrame>): Promise<void> {
    this.server.cut();
    void this.client.connect();
    await this.opened();
    this.receive(connected(fields));
  }

  /** Subscribed to, and granted. */
  async joined(name: string, offset = 0): Promise<{ channel: Channel; heard: unknown[]; off: () => void }> {
    const { channel, heard, off } = this.hear(name);
    await this.grant(name, offset);
    return { channel, heard, off };
  }

  /** Subscribes; collects data, `last` data, gaps and refusals. */
  hear(name: string): { channel: Channel; heard: unknown[]; off: () => void } {
    const channel = this.client.channel(name);
    const heard: unknown[] = [];
    channel.gaps$.subscribe(({ from, to }) => heard.push(`gap ${from.offset}–${to.offset}`));
    channel.refusals$.subscribe(({ code }) => heard.push(code));
    const off = channel.subscribe(({ data, retained }) => heard.push(retained ? `last ${data}` : data));
    return { channel, heard, off };
  }

  async #request(name: string): Promise<RequestFrame> {
    await this.asked();
    const request = this.#open.get(name);
    if (request === undefined) throw new Error(`nothing was asked about ${name}`);
    this.#open.delete(name);
    return request;
  }
}

const inbox = { $inbox: { epoch: 'epoch-1', offset: 0, recovered: true } };
/** Comes back with its session, which has these subscriptions. */
export const resumedWith = (...names: string[]) => ({
  ...resumed,
  streams: { ...inbox, ...Object.fromEntries(names.map((name) => [name, streamAt(name, 9)])) },
});
