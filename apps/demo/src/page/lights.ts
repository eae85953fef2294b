import { SendError } from '@callboard/client';
import {
  channelOfLight,
  commandOfLight,
  LIGHTS,
  type LightId,
  lights,
  type Switch,
} from '../shared/devices.ts';
import type { BoxOfficeClient } from './client.ts';
import { type Failure, failureOf } from './failure.ts';
import { Listening } from './listening.ts';
import type { PromptBook } from './prompt-book.ts';
import { Store } from './store.ts';

export interface LightView {
  /** As the lighting board said last. */
  readonly is?: Switch;
  /** What this page has asked for, until the board says that it is so. */
  readonly asked?: Asked;
  /** From the asking to the board's answer, in milliseconds. */
  readonly tookMs?: number;
  readonly failure?: Failure;
}

interface Asked {
  readonly to: Switch;
  readonly at: number;
}

export type LightsView = Readonly<Record<LightId, LightView>>;

export interface LightsOptions {
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly say: (text: string) => void;
}

/** For so long the lighting board may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/** The lights, and what has been asked of them. A light is what the board says: asking alone changes nothing. */
export class Lights extends Store<LightsView> {
  readonly #options: LightsOptions;
  readonly #listening: Listening;
  constructor(options: LightsOptions) {
    super({ footlights: {}, limelight: {}, ghost: {} });
    this.#options = options;
    const { client, book } = options;
    const channel = client.channel(LIGHTS);
    this.#listening = new Listening({
      client,
      book,
      channel,
      subscribe: () =>
        channel.subscribe(({ channel: name, data, retained }) => {
          book.write('publication', name, retained ? `${data}, the last value` : data);
          const light = lights.find(({ id }) => channelOfLight(id) === name)?.id;
          if (light !== undefined) this.#answered(light, data);
        }),
      changed: () => {},
    });
  }

  /** Asks the board for the other way round. */
  toggle(light: LightId): void {
    const { is, asked } = this.get()[light];
    if (asked !== undefined || is === undefined) return;
    void this.#ask(light, is === 'on' ? 'off' : 'on');
  }

  forget(light: LightId): void {
    const { failure: _, ...rest } = this.get()[light];
    this.#show(light, rest);
  }

  close(): void {
    this.#listening.close();
  }

  async #ask(light: LightId, to: Switch): Promise<void> {
    const { is } = this.get()[light];
    const asked = { to, at: performance.now() };
    const failed = (failure: Failure) => {
      const { is, asked: pending } = this.get()[light];
      if (pending === asked) this.#show(light, { ...(is && { is }), failure });
    };
    this.#show(light, { ...(is && { is }), asked });
    const { client, book } = this.#options;
    const command = commandOfLight(light);
    try {
      await book.timed(
        command,
        () => client.channel(command).publish(to, { timeoutMs: PATIENCE_MS }),
        () => to,
      );
      setTimeout(() => failed(silence), PATIENCE_MS);
    } catch (error) {
      if (error instanceof SendError) failed(failureOf(error, 'The command'));
    }
  }

  /** Whoever asked for it: what is asked here may be so already. */
  #answered(light: LightId, is: Switch): void {
    const view = this.get()[light];
    const { name } = lights.find(({ id }) => id === light) as { name: string };
    if (view.is !== undefined && view.is !== is) this.#options.say(`${name} ${is}.`);
    const { asked } = view;
    if (asked?.to === is) this.#show(light, { is, tookMs: performance.now() - asked.at });
    else if (view.is !== is) this.#show(light, { is, ...(asked && { asked }) });
  }

  #show(light: LightId, view: LightView): void {
    this.set({ ...this.get(), [light]: view });
  }
}

const silence: Failure = {
  code: 'NO ANSWER',
  text: 'The lighting board does not answer. It may be out; the light is as it was when it last spoke.',
  open: true,
  again: true,
};
