import type { Channel, ClientPluginContext, ReplyError, SendError } from '@callboard/client';
import { Subject } from 'rxjs';
import {
  type Batch,
  type Counts,
  type Entry,
  isBatch,
  type Member,
  type Page,
  streamOf,
} from './contract.ts';
import { type MemberChange, Replica } from './replica.ts';

/** What a channel's watchers are told. */
export type ChannelPresenceEvent =
  /** Who is there: the first thing, and again where the channel has come to carry more than counts. */
  | { readonly type: 'snapshot'; readonly members: readonly Member[]; readonly counts: Counts }
  | MemberChange
  /** The channel carries counts alone, and this is what they are. */
  | { readonly type: 'counts'; readonly counts: Counts }
  /** The server does not let this client see who is there, or does so no more. */
  | { readonly type: 'refused'; readonly error: ReplyError };

/** What is known of a channel's members. */
export interface Known {
  /** Empty where the channel carries counts alone. */
  readonly members: readonly Member[];
  readonly counts: Counts;
}

/** Before it asks again where nobody could answer, and up to which all of a channel's watchers ask who do so at once. */
const AGAIN_MS = 1_000;
const SPREAD_MS = 2_000;

/** Keeps a copy of who is in a channel: asks once, and follows what changes; asks again where something is missing. */
export class Watch {
  readonly stream: Channel;
  readonly events = new Subject<ChannelPresenceEvent>();
  /** Whenever `known` is another one. */
  readonly moved = new Subject<void>();
  readonly #context: ClientPluginContext;
  readonly #channel: string;
  readonly #replica = new Replica();
  readonly #ends: (() => void)[] = [];
  #counts: Counts | undefined;
  #seq = 0;
  #run: string | undefined;
  /** Batches since it asked, while it is not answered. */
  #since: Batch[] | undefined;
  #asked = 0;
  #timer: unknown;
  /** Clients that were there before the server was started anew, of users who are not back yet. */
  readonly #awaited = new Set<string>();
  #awaiting: unknown;

  constructor(channel: string, context: ClientPluginContext) {
    const { client } = context;
    this.#channel = channel;
    this.#context = context;
    this.stream = client.channel(streamOf(channel));
    const subscriptions = [
      this.stream.gaps$.subscribe(() => this.#ask()),
      this.stream.refusals$.subscribe((error) => this.#refused(error)),
      client.connected$.subscribe(({ resumed }) => {
        if (!resumed || this.#since !== undefined) this.#ask();
      }),
    ];
    this.#ends.push(
      this.stream.subscribe(({ data }) => isBatch(data) && this.#take(data)),
      ...subscriptions.map((each) => () => each.unsubscribe()),
    );
    // Behind the subscription, which is on its way.
    if (client.isConnected()) this.#ask();
  }

  /** Undefined until the server has said. */
  get known(): Known | undefined {
    if (this.#counts === undefined) return undefined;
    return { members: [...this.#replica.members.values()], counts: this.#counts };
  }

  /** @param forGood nothing comes any more, as the client is closed. */
  end(forGood = false): void {
    const { timers } = this.#context;
    if (forGood) {
      this.events.complete();
      this.moved.complete();
    }
    this.#asked++;
    timers.clearTimeout(this.#timer);
    timers.clearTimeout(this.#awaiting);
    for (const end of this.#ends) end();
  }

  #take(batch: Batch): void {
    if (this.#since !== undefined) this.#since.push(batch);
    else if (this.#counts === undefined) this.#ask();
    else if (batch.seq > this.#seq) this.#follow(batch);
  }

  #follow(batch: Batch): void {
    const isNext = batch.seq === this.#seq + 1;
    this.#seq = batch.seq;
    if (!batch.listed) return this.#countsAlone(batch);
    // All who watch hear that the channel is listed again; they do not all ask at once.
    if (this.#counts?.listed === false) {
      if (this.#timer === undefined) this.#askIn(Math.random() * SPREAD_MS);
      return;
    }
    if (!isNext) return this.#ask();
    this.#tell(this.#replica.apply(this.#withoutAwaited(batch)));
  }

  #countsAlone({ users, clients }: Counts): void {
    this.#replica.clear();
    this.#awaited.clear();
    const counts = { users, clients, listed: false };
    this.#counts = counts;
    this.events.next({ type: 'counts', counts });
    this.moved.next();
  }

  #tell(changes: readonly MemberChange[]): void {
    const { members, size: clients } = this.#replica;
    this.#counts = { users: members.size, clients, listed: true };
    for (const change of changes) this.events.next(change);
    if (changes.length > 0) this.moved.next();
  }

  #askIn(ms: number): void {
    const { timers } = this.#context;
    timers.clearTimeout(this.#timer);
    this.#timer = timers.setTimeout(() => this.#ask(), ms);
  }

  #ask(): void {
    const asked = ++this.#asked;
    this.#context.timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#since = [];
    this.#pages(asked).then(
      (pages) => {
        if (asked === this.#asked && pages[0] !== undefined) this.#answered(pages[0], pages);
      },
      (error: SendError) => {
        if (asked === this.#asked) this.#failed(error);
      },
    );
  }

  async #pages(asked: number): Promise<readonly Page[]> {
    const pages: Page[] = [];
    let after: number | undefined;
    do {
      const action = {
        type: 'PRESENCE_MEMBERS',
        channel: this.#channel,
        ...(after !== undefined && { after }),
      };
      const page = await this.#context.client.sendToServer<Page>(action, { resend: true });
      pages.push(page);
      after = page.next;
    } while (after !== undefined && asked === this.#asked);
    return pages;
  }

  #answered({ seq, run, settlesMs, ...counts }: Page, pages: readonly Page[]): void {
    const since = this.#since ?? [];
    const isFirst = this.#counts === undefined || !this.#counts.listed;
    this.#since = undefined;
    this.#seq = seq;
    if (!counts.listed) this.#countsAlone(counts);
    else {
      const entries = pages.flatMap((page) => page.entries);
      const isAnew = this.#run !== undefined && this.#run !== run && settlesMs > 0;
      const changes = this.#replica.replace(entries, this.#keepsOf(entries, isAnew));
      if (isAnew) this.#await(settlesMs);
      this.#tell(isFirst ? [] : changes);
      if (isFirst) this.#snapshot();
    }
    this.#run = run;
    for (const batch of since) this.#take(batch);
  }

  #snapshot(): void {
    const { members, counts } = this.known as Known;
    this.events.next({ type: 'snapshot', members, counts });
    this.moved.next();
  }

  #failed({ code, error }: SendError): void {
    const again = () => this.#askIn(AGAIN_MS);
    // It was asked before the subscription was made: where that is refused, `refusals$` says so.
    if (code === 'NOT_WATCHING') this.stream.joined().then(again, () => {});
    else if (!error.retryable && code !== 'OUTCOME_UNKNOWN') this.#refused(error);
    else if (this.#context.client.isConnected()) again();
  }

  #refused(error: ReplyError): void {
    this.#asked++;
    this.#since = undefined;
    this.#counts = undefined;
    this.#replica.clear();
    this.#awaited.clear();
    this.events.next({ type: 'refused', error });
    this.moved.next();
  }

  /** After a restart of the server: whom to keep, of those who are not back. */
  #keepsOf(entries: readonly Entry[], isAnew: boolean): (clientId: string, userId: string) => boolean {
    const before = new Set(this.#awaited);
    this.#awaited.clear();
    const back = new Set(entries.map(([, userId]) => userId));
    return (clientId, userId) => {
      const keeps = (isAnew || before.has(clientId)) && !back.has(userId);
      if (keeps) this.#awaited.add(clientId);
      return keeps;
    };
  }

  #await(ms: number): void {
    const { timers } = this.#context;
    timers.clearTimeout(this.#awaiting);
    this.#awaiting = timers.setTimeout(() => {
      const gone = [...this.#awaited];
      this.#awaited.clear();
      this.#tell(this.#replica.apply({ gone }));
    }, ms);
  }

  /** Whoever is back is awaited no more. */
  #withoutAwaited({ set = [], gone = [] }: Batch): Pick<Batch, 'set' | 'gone'> {
    if (this.#awaited.size === 0) return { set, gone };
    const back = set.flatMap(([, userId]) => this.#replica.members.get(userId)?.clients ?? []);
    const others = back.flatMap(({ clientId }) => (this.#awaited.delete(clientId) ? [clientId] : []));
    return { set, gone: [...gone, ...others] };
  }
}
