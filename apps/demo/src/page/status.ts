import { byId } from './dom.ts';
import type { WireState } from './wire.ts';

const words: Readonly<Record<WireState['name'], string>> = {
  connecting: 'Connecting',
  online: 'Online',
  waiting: 'Connection lost',
  cut: 'Cut by you',
  ended: 'Over',
};

/** The cue light at the top, and the switch beside it. */
export class Status {
  readonly #badge = byId('status', HTMLElement);
  readonly #text = byId('status-text', HTMLElement);
  readonly #countdown = byId('countdown', HTMLElement);
  readonly #cut = byId('cut', HTMLButtonElement);
  #ticks: ReturnType<typeof setInterval> | undefined;

  show(state: WireState): void {
    this.#badge.dataset.state = state.name;
    const text = state.name === 'ended' ? `${words.ended}: ${state.why}` : words[state.name];
    // Said aloud once, not at every attempt to come back.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#cut.textContent =
      state.name === 'online' || state.name === 'connecting' ? 'Cut my connection' : 'Come back';
    clearInterval(this.#ticks);
    this.#countdown.textContent = '';
    if (state.name === 'waiting') {
      const tick = () => {
        const leftMs = Math.max(0, state.untilTs - Date.now());
        this.#countdown.textContent = `back in ${Math.ceil(leftMs / 1_000)} s`;
      };
      tick();
      this.#ticks = setInterval(tick, 250);
    }
  }
}
