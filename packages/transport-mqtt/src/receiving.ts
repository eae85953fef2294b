import type { ReplyError } from '@callboard/protocol';

/** What became of a publication: undefined where the stream has it, else why not. */
export type Refused = ReplyError | undefined;

/**
 * What a device sends with QoS 2, by packet id, until it releases that (figure 4.3): what comes again meanwhile is not published again, also
 * not over another connection.
 */
export class Receiving {
  /** Made with the first, as that of those which the stream has: most devices send nothing so. */
  #byId: Map<number, Promise<Refused>> | undefined;
  #published: Set<number> | undefined;

  /** Packet ids of what is published and not released: what outlives the server, where there is a store. */
  get published(): readonly number[] {
    return [...(this.#published ?? [])];
  }

  /** As it was before the server was stopped. */
  restore(published: readonly number[]): void {
    for (const messageId of published) this.once(messageId, () => Promise.resolve(undefined));
  }

  get size(): number {
    return this.#byId?.size ?? 0;
  }

  has(messageId: number): boolean {
    return this.#byId?.has(messageId) === true;
  }

  /** @param publish for what has not come before; must not reject. */
  once(messageId: number, publish: () => Promise<Refused>): Promise<Refused> {
    this.#byId ??= new Map();
    this.#published ??= new Set();
    const [byId, published] = [this.#byId, this.#published];
    const known = byId.get(messageId);
    if (known !== undefined) return known;
    const outcome = publish().then((refused) => {
      if (refused === undefined && byId.get(messageId) === outcome) published.add(messageId);
      return refused;
    });
    byId.set(messageId, outcome);
    return outcome;
  }

  /** PUBREL, or a PUBREC that says no. @returns whether there was one. */
  released(messageId: number): boolean {
    this.#published?.delete(messageId);
    return this.#byId?.delete(messageId) === true;
  }
}
