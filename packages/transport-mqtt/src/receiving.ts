import type { ReplyError } from '@callboard/protocol';

/** What became of a publication: undefined where the stream has it, else why not. */
export type Refused = ReplyError | undefined;

/**
 * What a device sends with QoS 2, by packet id, until it releases that (figure 4.3): what comes again meanwhile is not published again, also
 * not over another connection.
 */
export class Receiving {
  readonly #byId = new Map<number, Promise<Refused>>();

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
    const outcome = publish();
    this.#byId.set(messageId, outcome);
    return outcome;
  }

  /** PUBREL, or a PUBREC that says no. @returns whether there was one. */
  released(messageId: number): boolean {
    return this.#byId.delete(messageId);
  }
}
