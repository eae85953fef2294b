import type { GatewayDraft, GatewayHost, PublicationListener } from '@callboard/core';
import { ReplyError } from '@callboard/protocol';

/** How often a channel is asked again to take what must get there, a second after the first time, then twice as long … */
const ATTEMPTS = 6;

/** The way of what comes from a broker into the channels. */
export class Entrance {
  /** What a channel did not want. */
  refused = 0;
  /** How much is on its way. */
  entering = 0;
  readonly #host: Pick<GatewayHost, 'channels' | 'clock' | 'logger'>;
  readonly #via: PublicationListener;
  readonly #waits = new Set<() => void>();
  #ended = false;

  /** @param via is not told of what came this way. */
  constructor(host: Pick<GatewayHost, 'channels' | 'clock' | 'logger'>, via: PublicationListener) {
    this.#host = host;
    this.#via = via;
  }

  /** Into its channel; what must get there is tried again. Resolves, and never rejects, when nothing more is to be done; never once this has ended. */
  async take(draft: GatewayDraft): Promise<void> {
    this.entering++;
    for (let attempt = 0; !this.#ended; attempt++) {
      const failure = await this.#failure(draft);
      const again = failure instanceof ReplyError && failure.retryable && draft.atMostOnce !== true;
      if (failure === undefined || !again || attempt === ATTEMPTS) {
        this.entering--;
        if (failure !== undefined) this.#refuse(draft, failure);
        return;
      }
      await this.#wait(1_000 * 2 ** attempt);
    }
    // The server stops: the broker keeps it.
    await new Promise(() => {});
  }

  end(): void {
    this.#ended = true;
    for (const done of this.#waits) done();
  }

  async #failure(draft: GatewayDraft): Promise<unknown> {
    try {
      await this.#host.channels.publish(draft, this.#via);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #refuse({ channel }: GatewayDraft, cause: unknown): void {
    this.refused++;
    this.#host.logger.warn('a channel does not take what came from the broker', { channel, cause });
  }

  #wait(ms: number): Promise<void> {
    const { clock } = this.#host;
    return new Promise((resolve) => {
      const done = () => {
        clock.clearTimeout(timer);
        this.#waits.delete(done);
        resolve();
      };
      const timer = clock.setTimeout(done, ms);
      this.#waits.add(done);
    });
  }
}
