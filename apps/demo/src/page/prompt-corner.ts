import type { SpareThermometer } from '../shared/spare-command.ts';
import { Instruments, type InstrumentsOptions } from './instruments.ts';
import { Lights } from './lights.ts';
import { Store } from './store.ts';

/** What there is in the prompt corner, as long as its page is open. */
export class PromptCorner {
  readonly instruments: Instruments;
  readonly lights: Lights;
  /** With what one is the spare thermometer oneself; undefined until the server has told. */
  readonly spare = new Store<SpareThermometer | undefined>(undefined);
  readonly #connections: { unsubscribe(): void };

  constructor(options: InstrumentsOptions) {
    this.instruments = new Instruments(options);
    this.lights = new Lights(options);
    const { client } = options;
    const ask = async () => {
      try {
        this.spare.set(await client.sendToServer({ type: 'SPARE_THERMOMETER' }, { resend: true }));
      } catch {
        // The next session asks again.
      }
    };
    if (client.isConnected()) void ask();
    this.#connections = client.connected$.subscribe(() => void ask());
  }

  close(): void {
    this.#connections.unsubscribe();
    this.instruments.close();
    this.lights.close();
  }
}
