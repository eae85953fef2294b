import type { ReplyError } from '@callboard/protocol';

/** What became of a publication: undefined where the stream has it, else why not. */
export type Refused = ReplyError | undefined;

/**
 * What a device sends with QoS 2, by packet id, until it releases that (figure 4.3): what comes again meanwhile is not published again, also
 * not over another connection.
 */
export class Receiving {
  readonly #byId = new Map<number, Promise<Refused>>();
  /** Those of them that the stream has. */
  readonly #published = new Set<number>();

  /** Packet ids of what is published and not released: what outlives the server, where there is a store. */
  get published(): readonly number[] {
    return [...this.#published];
  }

  /** As it was before the server was stopped. */
  restore(published: readonly number[]): void {
    for (const messageId of published) this.once(messageId, () => Promise.resolve(undefined));
  }

  get size(): number {
    return this.#byId.size;
  }

  has(messageId: number): boolean {
    return this.#byId.has(messageId);
  }

  /** @param publish for what has not come before; must not reject. */
  once(messageId: number, publish: () => Promise<Refused>): Promise<Refused> {
    const known = this.#byId.get(messageId);
    if (known !== undefined) return known;
    const outcome = publish().then((refused) => {
      if (refused === undefined && this.#byId.get(messageId) === outcome) this.#published.add(messageId);
      return refused;
    });
    this.#byId.set(messageId, outcome);
    return outcome;
  }

  /** PUBREL, or a PUBREC that says no. @returns whether there was one. */
  released(messageId: number): boolean {
    this.#published.delete(messageId);
    return this.#byId.delete(messageId);
  }
}
