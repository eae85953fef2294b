import assert from 'node:assert/strict';
import type { Channel, Gap, Publication } from '../src/api.ts';

/** Somebody who subscribes to a channel or a filter, and holds what comes against what was promised. */
export class ChannelListener {
  readonly name: string;
  isListening = false;
  readonly #isFilter: boolean;
  /** Where the last one of each channel was: `2/7` is the seventh of the second epoch. */
  readonly #last = new Map<string, string>();
  #off = () => {};
  #fault: unknown;

  constructor(name: string) {
    this.name = name;
    this.#isFilter = /[+#]/.test(name);
  }

  listen(channel: Channel): void {
    if (this.isListening) return;
    this.isListening = true;
    this.#last.clear();
    const gaps = channel.gaps$.subscribe((gap) => this.#gap(gap));
    // Whoever is let in again begins anew.
    gaps.add(channel.refusals$.subscribe(() => this.#last.clear()));
    const off = channel.subscribe((publication) => {
      try {
        this.#heard(publication);
      } catch (fault) {
        this.#fault ??= fault;
      }
    });
    this.#off = () => {
      gaps.unsubscribe();
      off();
    };
  }

  leave(): void {
    this.isListening = false;
    this.#off();
  }

  last(channel: string): string | undefined {
    return this.#last.get(channel);
  }

  /** This one has come, or a later one. */
  assertHad(channel: string, place: string): void {
    const last = this.#last.get(channel) ?? '0/0';
    assert.ok(!isLater(place, last), `${this.name} has not had ${place} of ${channel}, but ${last}`);
  }

  check(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  #heard({ channel, data, position }: Publication): void {
    assert.ok(this.isListening, 'it has left');
    const [epoch, offset] = partsOf(String(data));
    const last = this.#last.get(channel);
    this.#last.set(channel, String(data));
    assert.deepEqual(position, { epoch: `e${epoch}`, offset }, 'the position');
    if (last === undefined) return;
    if (this.#isFilter) assert.ok(isLater(String(data), last), `${this.name} had ${last} before ${data}`);
    else assert.equal(data, next(last), `${this.name} had ${last}`);
  }

  /** What lies before its end is lost; it goes on after that. */
  #gap({ stream, to }: Gap): void {
    if (!this.#isFilter) this.#last.set(stream, `${to.epoch.slice(1)}/${to.offset}`);
  }
}

export function isLater(place: string, than: string): boolean {
  const [epoch, offset] = partsOf(place);
  const [thanEpoch, thanOffset] = partsOf(than);
  return epoch > thanEpoch || (epoch === thanEpoch && offset > thanOffset);
}

function next(place: string): string {
  const [epoch, offset] = partsOf(place);
  return `${epoch}/${offset + 1}`;
}

function partsOf(place: string): [epoch: number, offset: number] {
  const [epoch, offset] = place.split('/').map(Number);
  return [epoch as number, offset as number];
}
