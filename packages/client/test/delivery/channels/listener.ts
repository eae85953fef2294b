import assert from 'node:assert/strict';
import type { Channel } from '../../../src/api.ts';
import { SendError } from '../../../src/send-error.ts';
import { FilterWitness } from './filter-witness.ts';
import type { ChannelWitness } from './witness.ts';

/** Runs what may find a fault, and keeps that: what a subscriber throws is caught by the library. */
export type Guard = <Args extends unknown[]>(look: (...args: Args) => void) => (...args: Args) => void;

/** Somebody in an application who subscribes to a channel or a filter, and who watches that. */
export class Listener {
  readonly name: string;
  readonly witness: ChannelWitness | FilterWitness;
  /** The server's last word was no; nobody asks it again by itself. */
  refused: string | undefined;
  #failure: SendError | undefined;
  readonly #channel: Channel;
  readonly #guard: Guard;
  readonly #isOnline: () => boolean;
  readonly #end: () => void;
  #isOver = false;
  /** How often both subscribers were called. */
  #told = 0;
  #toldAll = 0;

  constructor(
    channel: Channel,
    witness: ChannelWitness | FilterWitness,
    guard: Guard,
    isOnline: () => boolean,
  ) {
    this.name = channel.name;
    this.witness = witness;
    this.#channel = channel;
    this.#guard = guard;
    this.#isOnline = isOnline;
    const off = channel.subscribe(
      guard((publication) => {
        assert.ok(!this.#isOver, `${this.name} came after it was left`);
        this.#told++;
        witness.publication(publication);
      }),
    );
    const all = channel.publications$.subscribe(() => void this.#toldAll++);
    all.add(channel.gaps$.subscribe(guard((gap) => witness.gap(gap))));
    all.add(
      channel.refusals$.subscribe(({ code }) => {
        this.refused = code;
        witness.ended(false);
      }),
    );
    this.#end = () => {
      this.#isOver = true;
      off();
      all.unsubscribe();
    };
    this.watch();
  }

  /** Tells the witness when the server has let it in. */
  watch(): void {
    this.#channel.joined().then(
      this.#guard(() => {
        if (!this.#isOver && this.#isOnline()) this.witness.joined();
      }),
      (error) => {
        if (error instanceof SendError) this.#failure = error;
      },
    );
  }

  /** The server is asked again, where it has refused. Whether it had. */
  ask(): boolean {
    if (this.refused === undefined || this.#failure === undefined) return false;
    this.refused = undefined;
    this.#failure.retry().catch(() => {});
    this.watch();
    return true;
  }

  /** Another session: the client asks by itself. */
  begin(): void {
    this.refused = undefined;
  }

  leave(): Promise<void> {
    const left = this.#channel.leave();
    this.#end();
    return left;
  }

  off(): void {
    this.#end();
  }

  look(): void {
    assert.equal(this.#told, this.#toldAll, `all subscribers of ${this.name} see the same`);
  }

  atHead(): void {
    this.look();
    if (this.refused === undefined) this.witness.atHead();
  }

  get isFilter(): boolean {
    return this.witness instanceof FilterWitness;
  }
}
