import type { MemoryTransport, MemoryWire, SimulatedClock } from '@callboard/testkit';
import type { ClientConnection, ClientConnectionEvents, ClientTransport } from '../../src/transport.ts';
import type { Random } from './random.ts';

/** Who learns of it when a road is cut. */
export type Side = 'both' | 'client' | 'server';

/** One connection of a client's, and what is under way on it. */
class Road implements ClientConnection {
  readonly #wire: MemoryWire;
  readonly #events: ClientConnectionEvents;
  readonly #options: RoadsOptions;
  /** The last message since the last gap. */
  #last = '';
  /** What is on its way to the server, while that does not arrive. */
  #underWay: (() => void)[] | undefined;
  /** So many frames arrive yet before it is cut. */
  #left = Number.POSITIVE_INFINITY;
  /** The client takes it for dead, or has been told so. */
  #over = false;
  #told = false;

  constructor(wire: MemoryWire, events: ClientConnectionEvents, options: RoadsOptions) {
    this.#wire = wire;
    this.#events = events;
    this.#options = options;
    wire.onFrame((text) => {
      if (this.#over) return;
      if (this.#left-- <= 0) return this.cut('both');
      if (text.startsWith('{"op":"message"')) this.#last = text;
      if (text.startsWith('{"op":"gap"')) this.#last = '';
      options.sees(text);
      events.received(text);
      options.saw(text);
    });
    wire.onClose((code, reason) => this.#end(code, reason));
  }

  get open(): boolean {
    return !this.#over && this.#wire.closed === undefined;
  }

  opened(): void {
    if (this.open) this.#events.opened();
  }

  send(text: string): void {
    if (this.#over) return;
    this.#options.sends(text);
    this.#up(() => this.#wire.send(text));
  }

  close(code: number, reason: string): void {
    this.#up(() => this.#wire.close(code, reason));
  }

  drop(): void {
    this.#over = true;
    this.#up(() => this.#wire.cut());
  }

  /** What is sent from now on in this direction does not arrive, until it is thawed. */
  freeze(direction: 'up' | 'down'): void {
    if (direction === 'down') this.#wire.freeze();
    else this.#underWay ??= [];
  }

  /** What was under way arrives, also where the client has long given up. Says how much that was. */
  thaw(): number {
    const arriving = this.#underWay ?? [];
    this.#underWay = undefined;
    const heard = this.#wire.closed === undefined ? arriving.length : 0;
    for (const arrive of arriving) arrive();
    this.#wire.thaw();
    return heard;
  }

  /** A message comes again, though no server should do so. Whether there was one. */
  repeat(): boolean {
    const repeated = this.open && this.#last !== '';
    if (repeated) this.#events.received(this.#last);
    return repeated;
  }

  /** What is under way is lost. Where the client alone has noticed, frames that it has sent may still arrive. */
  cut(side: Side): void {
    if (side === 'client') {
      this.#underWay ??= [];
      this.#wire.freeze();
      this.#end(1006, '');
    } else {
      if (side === 'server') this.#wire.onClose(() => {});
      this.#wire.cut();
    }
  }

  /** So many frames reach the client yet; with the next one it is cut. */
  cutAfter(frames: number): void {
    this.#left = frames;
  }

  #up(arrive: () => void): void {
    if (this.#underWay === undefined) arrive();
    else this.#underWay.push(arrive);
  }

  #end(code: number, reason: string): void {
    if (this.#told) return;
    this.#over = true;
    this.#told = true;
    this.#events.closed(code, reason);
  }
}

export interface RoadsOptions {
  readonly memory: MemoryTransport;
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** A connection is tried. */
  tries(): void;
  /** A frame reaches the client; called right before. */
  sees(text: string): void;
  /** The same; called right after. */
  saw(text: string): void;
  /** The client sends a frame. */
  sends(text: string): void;
}

/** A client's way to the server, on which everything goes wrong that can. */
export class Roads implements ClientTransport {
  readonly name = 'memory';
  readonly #options: RoadsOptions;
  readonly #all: Road[] = [];

  constructor(options: RoadsOptions) {
    this.#options = options;
  }

  /** The one in use, if any. */
  get current(): Road | undefined {
    const last = this.#all.at(-1);
    return last?.open ? last : undefined;
  }

  open(_: string, events: ClientConnectionEvents): ClientConnection {
    const { memory, clock, random } = this.#options;
    this.#options.tries();
    const road = new Road(memory.connect(), events, this.#options);
    this.#all.push(road);
    clock.setTimeout(() => road.opened(), random.of([1, 1, 30, 700]));
    return road;
  }

  /** What is still under way on roads that the client has left arrives. Says how much that was. */
  late(): number {
    return this.#all.filter((road) => !road.open).reduce((sum, road) => sum + road.thaw(), 0);
  }

  thawAll(): void {
    for (const road of this.#all) road.thaw();
  }
}
