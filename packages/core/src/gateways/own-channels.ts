import { ReplyError } from '@callboard/protocol';
import { isBridged } from '../channels/policy.ts';
import type { Node } from '../node.ts';
import type { Outcome } from '../streams/log.ts';
import type { GatewayChannels, GatewayDraft, PublicationListener } from './port.ts';
import { append, decode } from './publish.ts';

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
    const { channels, requests } = this.#node;
    if (!isBridged(channels.policyOf(draft.channel))) throw new ReplyError('REFUSED');
    const decoded = await requests.deadline(Promise.resolve(decode(this.#node, draft)), 'CHECK_TIMEOUT');
    return append(this.#node, draft, decoded, { via });
  }

  retains(channel: string): boolean {
    return this.#node.channels.policyOf(channel).retain === true;
  }

  last(name: string): Uint8Array | undefined {
    const channel = this.#node.channels.byName.get(name);
    return channel?.last && channel.retainedItem(channel.last).payload;
  }
}
