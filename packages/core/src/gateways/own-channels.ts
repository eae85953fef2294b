import { ReplyError } from '@callboard/protocol';
import { isBridged } from '../channels/policy.ts';
import type { Node } from '../node.ts';
import type { Outcome } from '../streams/log.ts';
import type { GatewayChannels, GatewayDraft, PublicationListener } from './port.ts';
import { decode } from './publish.ts';

/** The server's own part in its channels. */
export class OwnChannels implements GatewayChannels {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  get patterns(): readonly string[] {
    return this.#node.channels.policies.bridged;
  }

  listen(listener: PublicationListener): () => void {
    const { listeners } = this.#node.channels;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  async publish(draft: GatewayDraft, via: PublicationListener): Promise<Outcome> {
    const { channels, counters, requests } = this.#node;
    const { channel, payload, meta, attributes, atMostOnce = false, forgetsLast = false } = draft;
    if (!isBridged(channels.policyOf(channel))) throw new ReplyError('REFUSED');
    const decoded = await requests.deadline(Promise.resolve(decode(this.#node, draft)), 'CHECK_TIMEOUT');
    const withheld = decoded === undefined;
    if (withheld) counters.withheld++;
    const outcome = channels.publish({
      channel,
      data: withheld ? payload : decoded.value,
      payload,
      withheld,
      atMostOnce,
      via,
      ...(meta !== undefined && { meta }),
      ...(attributes !== undefined && { attributes }),
    });
    const published = await requests.deadline(Promise.resolve(outcome), 'OUTCOME_UNKNOWN');
    if (forgetsLast) channels.forgetLast(channel);
    return published;
  }

  retains(channel: string): boolean {
    return this.#node.channels.policyOf(channel).retain === true;
  }

  last(name: string): Uint8Array | undefined {
    const channel = this.#node.channels.byName.get(name);
    return channel?.last && channel.retainedItem(channel.last).payload;
  }
}
