import type { Choice, Member, OwnPresence, UserPresence } from '@callboard/plugin-presence/client';
import { GREEN_ROOM, type InGreenRoom } from '../../shared/green-room.ts';
import type { WholeClient } from '../client.ts';
import type { Company } from '../company.ts';
import { Store } from '../store.ts';

export interface WhoIsIn {
  /** The others, by id, as far as the server has said. */
  readonly people: ReadonlyMap<string, UserPresence>;
  readonly own: OwnPresence | undefined;
  /** Ids of the others who are at a note. */
  readonly writing: ReadonlySet<string>;
}

/** Who types nothing for so long is not at it any more, in milliseconds. */
const WRITING_MS = 4_000;

/** How the company is, and what it is seen to do. */
export class GreenRoom extends Store<WhoIsIn> {
  readonly #client: WholeClient;
  readonly #company: Company;
  #ids = '';
  #unwatch = () => {};
  #writes: ReturnType<typeof setTimeout> | undefined;

  constructor(client: WholeClient, company: Company) {
    super({ people: new Map(), own: undefined, writing: new Set() });
    this.#client = client;
    this.#company = company;
    const room = client.channel(GREEN_ROOM);
    // Who subscribes is in it.
    room.subscribe(() => {});
    room.presence.members$.subscribe((members) => this.#areThere(members));
    client.presence.own$.subscribe((own) => this.set({ ...this.get(), own }));
    company.subscribe(() => this.#watch());
    this.#watch();
  }

  async choose(choice: Choice): Promise<void> {
    await this.#client.presence.set(choice);
  }

  /** Who looks at this channel's subject. */
  lookers(channel: string, tell: (userIds: readonly string[]) => void): () => void {
    const { members$ } = this.#client.channel(channel).presence;
    const subscription = members$.subscribe((members) => tell(members.map(({ userId }) => userId)));
    return () => subscription.unsubscribe();
  }

  /** A key was pressed in a note. */
  writes(): void {
    if (this.#writes === undefined) this.#say({ writing: true });
    clearTimeout(this.#writes);
    this.#writes = setTimeout(() => this.wrote(), WRITING_MS);
  }

  /** The note is written, or left. */
  wrote(): void {
    if (this.#writes === undefined) return;
    clearTimeout(this.#writes);
    this.#writes = undefined;
    this.#say({});
  }

  #say(said: InGreenRoom): void {
    // Without a line it is said when there is one, or is of no interest any more.
    this.#client
      .channel(GREEN_ROOM)
      .presence.update({ ...said })
      .catch(() => {});
  }

  #areThere(members: readonly Member[]): void {
    const others = members.filter(({ userId }) => userId !== this.#client.userId);
    const known = new Set(this.#company.get().map(({ id }) => id));
    if (others.some(({ userId }) => !known.has(userId))) this.#company.refresh().catch(() => {});
    const isWriting = ({ clients }: Member) =>
      clients.some(({ meta }) => (meta as InGreenRoom).writing === true);
    const writing = others.filter(isWriting).map(({ userId }) => userId);
    const before = this.get().writing;
    if (writing.length === before.size && writing.every((id) => before.has(id))) return;
    this.set({ ...this.get(), writing: new Set(writing) });
  }

  /** All others, anew when there are others. */
  #watch(): void {
    const ids = this.#company.get().map(({ id }) => id);
    const others = ids.filter((id) => id !== this.#client.userId);
    const key = JSON.stringify(others);
    if (key === this.#ids) return;
    this.#ids = key;
    this.#unwatch();
    this.#unwatch = this.#client.presence.watch(others, ({ users }) =>
      this.set({ ...this.get(), people: users }),
    );
  }
}
