import type { Member, MemberMeta } from '../src/channels/contract.ts';
import { memoryStore } from '../src/index.ts';
import { ChannelStage, heardIn, shortOf, type Tab } from './channel-stage.ts';

/** Of these, each with its own rule. */
export const rooms = ['room/a', 'room/b', 'small/c', 'entered/d', 'team/e'] as const;
const everybody = { canSubscribe: () => true };
const GRACE_MS = 10_000;
/** More clients are not listed in `small/c`. */
const SMALL = 15;

/** A page, and what is to come of it. */
interface Page {
  readonly tab: Tab;
  readonly userId: string;
  readonly in: Map<string, () => void>;
  readonly says: Map<string, MemberMeta>;
}

interface Watcher {
  readonly page: Page;
  readonly room: string;
  heard: ReturnType<typeof heardIn>;
  stop: () => void;
  /** What follows from the events alone. */
  readonly followed: Map<string, Member>;
  /** Users that were invisible when it knew all there was, and are since. */
  readonly unseen: Set<string>;
}

export interface Tally {
  listed: number;
  counted: number;
  /** Times that `small/c` has come to be listed, or not to be, since it was looked at last. */
  crossings: number;
  /** Times that somebody has become invisible. */
  hidings: number;
  events: number;
  deeds: number;
}

/** Thousands of people, who come and go as chance has it; and a model of where they are. */
export class Rooms {
  readonly tally: Tally = { listed: 0, counted: 0, crossings: 0, hidings: 0, events: 0, deeds: 0 };
  readonly #stage: ChannelStage;
  readonly #barred: Set<string>;
  readonly #random: () => number;
  readonly #pages: Page[] = [];
  readonly #watchers: Watcher[] = [];
  readonly #invisible = new Set<string>();
  #users = 0;
  #smallIsListed = true;

  private constructor(stage: ChannelStage, barred: Set<string>, random: () => number) {
    this.#stage = stage;
    this.#barred = barred;
    this.#random = random;
  }

  static async begin(random: () => number): Promise<Rooms> {
    const barred = new Set<string>();
    const stage = await ChannelStage.with({
      graceMs: GRACE_MS,
      // It outlives servers.
      store: memoryStore(),
      limits: { maxConnectsPerSecond: 100_000, maxConnectionsPerAddress: 100_000, resumeWindowMs: 20_000 },
      channels: {
        'small/+': everybody,
        'entered/+': everybody,
        'team/+': { canSubscribe: ({ user }) => !barred.has(user.id) },
      },
      presenceIn: {
        'room/+': { maxListed: 10_000 },
        'small/+': { maxListed: SMALL },
        'entered/+': { members: 'entered' },
        'team/+': {},
      },
    });
    const all = new Rooms(stage, barred, random);
    for (const room of rooms) for (let i = 0; i < 3; i++) await all.#watch(room);
    return all;
  }

  async end(): Promise<void> {
    await this.#stage.end();
  }

  /** So many come at once. */
  async crowd(people: number): Promise<void> {
    for (let i = 0; i < people; i++) this.#enter(this.#page(`u${++this.#users}`), 'room/a');
    await this.#stage.quiet();
  }

  /** So many go, each in their own way. */
  async empty(people: number): Promise<void> {
    const watching = new Set(this.#watchers.map(({ page }) => page));
    const leaving = this.#pages.filter((page) => !watching.has(page)).slice(0, people);
    for (const page of leaving) {
      this.#pages.splice(this.#pages.indexOf(page), 1);
      if (this.#chance(0.5)) await this.#stage.crash(page.tab);
      else await this.#stage.close(page.tab);
    }
  }

  /** So many things happen, some of them at once. */
  async go(deeds: number): Promise<void> {
    const stage = this.#stage;
    for (let i = 0; i < deeds; i++) {
      this.tally.deeds++;
      await this.#deed();
      if (this.#chance(0.3)) await stage.quiet();
      if (this.#chance(0.05)) await stage.pass(this.#upTo(3_000));
    }
  }

  restart(): Promise<void> {
    return this.#stage.restart();
  }

  /** Everybody who was to be away is, and what was to be told has been. */
  async settle(): Promise<void> {
    await this.#stage.pass(3 * GRACE_MS + 5_000);
    for (const { page, unseen } of this.#watchers)
      if (!page.tab.cut) for (const userId of this.#invisible) unseen.add(userId);
  }

  /** What differs, in words; nothing where all is well. */
  *faults(): Generator<string> {
    for (const { message, fields } of this.#stage.logs.splice(0))
      if (/failed/.test(message)) yield `${message}: ${String(fields?.cause)}`;
    for (const room of rooms) {
      const is = shortOf(this.#expected(room));
      const atServer = shortOf(this.#stage.house.server.presence.channel(room).members);
      if (is !== atServer) yield `${room} at the server: ${difference(is, atServer)}`;
    }
    const { listed } = this.#stage.house.server.presence.channel('small/c').counts;
    if (listed !== this.#smallIsListed) this.tally.crossings++;
    this.#smallIsListed = listed;
    for (const watcher of this.#watchers) yield* this.#faultsOf(watcher);
  }

  *#faultsOf({ page, room, heard, followed }: Watcher): Generator<string> {
    if (page.tab.cut) return;
    const mayKnow = !(room.startsWith('team/') && this.#barred.has(page.userId));
    const members = this.#expected(room);
    const clients = members.reduce((sum, each) => sum + each.clients.length, 0);
    const isListed = room !== 'small/c' || clients <= 0.9 * SMALL;
    const isOpen = room === 'small/c' && !isListed && clients <= SMALL;
    if (isListed) this.tally.listed++;
    else this.tally.counted++;
    if (isOpen && heard.members === '') return;
    const is = mayKnow && (isListed || isOpen) ? shortOf(members) : '';
    if (is !== heard.members) yield `${room} as ${page.userId} sees it: ${difference(is, heard.members)}`;
    const byEvents = shortOf([...followed.values()]);
    if (is !== byEvents) yield `${room} by the events: ${difference(is, byEvents)}`;
  }

  /** Who is in a room, as everybody is to see it. */
  #expected(room: string): readonly Member[] {
    const members = new Map<string, { clientId: string; meta: MemberMeta }[]>();
    for (const { tab, userId, in: rooms, says } of this.#pages) {
      const meta = says.get(room);
      if (tab.cut || !rooms.has(room) || (room === 'entered/d' && meta === undefined)) continue;
      if (this.#invisible.has(userId)) continue;
      members.set(userId, [...(members.get(userId) ?? []), { clientId: '', meta: meta ?? {} }]);
    }
    return [...members].map(([userId, clients]) => ({ userId, clients }));
  }

  async #deed(): Promise<void> {
    const page = this.#pages[Math.floor(this.#random() * this.#pages.length)];
    const room = rooms[this.#upTo(rooms.length)] as string;
    if (page === undefined || this.#chance(0.25)) return this.#open();
    if (this.#chance(0.35)) return this.#toggle(page, room);
    if (this.#chance(0.3)) return this.#say(page, room);
    if (this.#chance(0.1)) return this.#bar(page);
    if (this.#chance(0.15)) return this.#choose(page);
    if (page.tab.cut) return this.#stage.find(page.tab);
    if (this.#chance(0.4)) return this.#stage.lose(page.tab);
    if (this.#chance(0.2)) return page.tab.client.drop();
    // Watchers stay, so that there is somebody to be asked.
    if (this.#watchers.some((each) => each.page === page)) return;
    this.#pages.splice(this.#pages.indexOf(page), 1);
    if (this.#chance(0.5)) await this.#stage.crash(page.tab);
    else await this.#stage.close(page.tab);
    // Loaded anew.
    if (this.#chance(0.3)) this.#enter(this.#page(page.userId), room);
  }

  #open(): void {
    // One in five is a second tab of somebody.
    const other = this.#pages[this.#upTo(5 * this.#pages.length)];
    const page = this.#page(other?.userId ?? `u${++this.#users}`);
    for (const room of rooms) if (this.#chance(0.4)) this.#enter(page, room);
  }

  #page(userId: string): Page {
    const page: Page = { tab: this.#stage.open(userId), userId, in: new Map(), says: new Map() };
    this.#pages.push(page);
    return page;
  }

  #enter(page: Page, room: string): void {
    if (room === 'team/e' && this.#barred.has(page.userId)) return;
    page.in.set(
      room,
      page.tab.client.channel(room).subscribe(() => {}),
    );
  }

  #toggle(page: Page, room: string): void {
    const leave = page.in.get(room);
    if (leave === undefined) return this.#enter(page, room);
    leave();
    page.in.delete(room);
    page.says.delete(room);
  }

  #say(page: Page, room: string): void {
    if (!page.in.has(room)) return;
    const meta = { n: this.#upTo(100) };
    page.says.set(room, meta);
    page.tab.client
      .channel(room)
      .presence.update(meta)
      .catch(() => {});
  }

  /** Somebody may not be in `team/e` any more, or may again. */
  async #bar({ userId }: Page): Promise<void> {
    const pages = this.#pages.filter((each) => each.userId === userId);
    const watchers = this.#watchers.filter((each) => each.page.userId === userId && each.room === 'team/e');
    if (this.#barred.delete(userId)) {
      for (const each of watchers) this.#follow(each);
      return;
    }
    this.#barred.add(userId);
    for (const page of pages) {
      page.in.get('team/e')?.();
      page.in.delete('team/e');
      page.says.delete('team/e');
    }
    await this.#stage.finish(this.#stage.house.server.recheckRights(userId));
  }

  /** Somebody does not want to be seen any more, or wants to again. */
  async #choose({ userId }: Page): Promise<void> {
    const wasSeen = !this.#invisible.delete(userId);
    for (const { unseen } of this.#watchers) unseen.delete(userId);
    if (wasSeen) this.#invisible.add(userId);
    this.tally.hidings += wasSeen ? 1 : 0;
    const { presence } = this.#stage.house.server;
    await this.#stage.finish(presence.set(userId, wasSeen ? 'invisible' : 'auto'));
  }

  async #watch(room: string): Promise<void> {
    const page = this.#page(`w${this.#watchers.length}`);
    const watcher: Watcher = {
      page,
      room,
      heard: heardIn(page.tab, room),
      stop() {},
      followed: new Map(),
      unseen: new Set(),
    };
    this.#watchers.push(watcher);
    this.#follow(watcher);
  }

  /** From now on, from nothing. */
  #follow(watcher: Watcher): void {
    const { page, room, followed, unseen } = watcher;
    watcher.heard.off();
    watcher.stop();
    followed.clear();
    watcher.heard = heardIn(page.tab, room);
    watcher.stop = page.tab.client.channel(room).presence.subscribe((event) => {
      this.tally.events++;
      if ('member' in event && unseen.has(event.member.userId))
        throw new Error(`${event.member.userId} is not to be seen`);
      switch (event.type) {
        case 'snapshot':
          followed.clear();
          for (const member of event.members) followed.set(member.userId, member);
          return;
        case 'join':
          if (followed.has(event.member.userId)) throw new Error(`${event.member.userId} joins twice`);
          followed.set(event.member.userId, event.member);
          return;
        case 'update':
          if (!followed.has(event.member.userId)) throw new Error(`${event.member.userId} is not there`);
          followed.set(event.member.userId, event.member);
          return;
        case 'leave':
          if (!followed.delete(event.member.userId)) throw new Error(`${event.member.userId} leaves twice`);
          return;
        default:
          followed.clear();
      }
    });
  }

  #chance(p: number): boolean {
    return this.#random() < p;
  }

  #upTo(n: number): number {
    return Math.floor(this.#random() * n);
  }
}

function difference(is: string, told: string): string {
  const [one, other] = [new Set(is.split(' ')), new Set(told.split(' '))];
  const missing = [...one].filter((each) => !other.has(each));
  const wrong = [...other].filter((each) => !one.has(each));
  return `lacks ${missing.join(' ') || 'nobody'}, has ${wrong.join(' ') || 'nobody'} too much`;
}
