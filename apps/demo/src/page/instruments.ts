import type { Publication } from '@callboard/client';
import { channelOfSensor, SENSORS, type Sensor, sensors } from '../shared/devices.ts';
import type { BoxOfficeClient } from './client.ts';
import { clockTime } from './clock-time.ts';
import type { Failure } from './failure.ts';
import { Listening } from './listening.ts';
import type { PromptBook } from './prompt-book.ts';
import { merged, type Reading, SILENT_MS } from './readings.ts';
import { Store } from './store.ts';

export interface Instrument {
  readonly sensor: Sensor;
  /** The oldest first; none where nothing was ever heard. */
  readonly readings: readonly Reading[];
  /** It has told nothing for too long. Without a line nobody knows: then it is as it was. */
  readonly silent: boolean;
}

export interface InstrumentsView {
  readonly instruments: readonly Instrument[];
  /** By this page’s clock, once a second. */
  readonly now: number;
  readonly current: boolean;
  /** Why the server does not tell. */
  readonly failure?: Failure;
}

export interface InstrumentsOptions {
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly say: (text: string) => void;
}

/** What the house's sensors read, from now on until it is closed; what they read before comes from the channels' histories. */
export class Instruments extends Store<InstrumentsView> {
  readonly #options: InstrumentsOptions;
  readonly #listening: Listening;
  readonly #clock: ReturnType<typeof setInterval>;
  readonly #gaps: { unsubscribe(): void };
  /** This page's clock less the server's, in milliseconds, as the last publication showed it. */
  #skewMs = 0;
  /** Those whose history was asked for on this connection. */
  readonly #asked = new Set<string>();

  constructor(options: InstrumentsOptions) {
    const instruments = sensors.map((sensor) => ({ sensor, readings: [], silent: false }));
    super({ instruments, now: Date.now(), current: false });
    this.#options = options;
    const { client, book } = options;
    const channel = client.channel(SENSORS);
    // What was missed is still in the histories.
    this.#gaps = channel.gaps$.subscribe(() => this.#asked.clear());
    this.#listening = new Listening({
      client,
      book,
      channel,
      subscribe: () => channel.subscribe((publication) => this.#told(publication)),
      changed: (current, failure) => {
        if (!current) this.#asked.clear();
        const { failure: _, ...rest } = this.get();
        this.set({ ...rest, current, ...(failure && { failure }) });
      },
    });
    this.#clock = setInterval(() => this.#tick(), 1_000);
  }

  again(): void {
    this.#listening.again();
  }

  close(): void {
    clearInterval(this.#clock);
    this.#gaps.unsubscribe();
    this.#listening.close();
  }

  #told({ channel, data, retained, ageMs = 0 }: Publication<Reading>): void {
    this.#skewMs = Date.now() - (retained ? ageMs : 0) - data.at;
    this.#add(channel, (readings, now) => merged(readings, [data], now));
    if (!this.#asked.has(channel)) void this.#remember(channel);
  }

  async #remember(name: string): Promise<void> {
    this.#asked.add(name);
    const { client, book } = this.#options;
    try {
      const page = await book.timed(
        'history',
        () => client.channel(name).history({ limit: 120 }),
        ({ publications }) => `of ${name}, ${publications.length} readings`,
      );
      const before = page.publications.map(({ data }) => data as Reading);
      this.#add(name, (readings, now) => merged(before, readings, now));
    } catch {
      // It is in the prompt book; the chart begins here, and the next connection asks again.
    }
  }

  #add(channel: string, add: (readings: readonly Reading[], now: number) => readonly Reading[]): void {
    const now = this.#now();
    this.#change((instrument) => {
      const isOf = channelOfSensor(instrument.sensor) === channel;
      return isOf ? { ...instrument, readings: add(instrument.readings, now) } : instrument;
    });
  }

  #now(): number {
    return Date.now() - this.#skewMs;
  }

  #tick(): void {
    this.#change((instrument) => instrument);
  }

  /** Says who fell silent, and who is heard again. */
  #change(next: (instrument: Instrument) => Instrument): void {
    const now = this.#now();
    const { current, instruments } = this.get();
    const changed = instruments.map((before) => {
      const instrument = next(before);
      const last = instrument.readings.at(-1);
      if (!current || last === undefined) return instrument;
      const silent = now - last.at > SILENT_MS;
      // What was silent before this page was there is no news.
      if (silent !== before.silent && before.readings.length > 0) this.#options.say(word(instrument, silent));
      return silent === instrument.silent ? instrument : { ...instrument, silent };
    });
    this.set({ ...this.get(), now, instruments: changed });
  }
}

function word({ sensor: { name }, readings }: Instrument, silent: boolean): string {
  const last = readings.at(-1);
  return silent && last ? `${name}: silent since ${clockTime(last.at)}.` : `${name} is heard again.`;
}
