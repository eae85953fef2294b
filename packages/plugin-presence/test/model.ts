import type { AnyAction } from '@callboard/protocol';
import type { MemoryClient } from '@callboard/testkit';
import type { Stage } from './stage.ts';

/** A client without a library: ten thousand of them fit a test. */
interface Device {
  client: MemoryClient;
  active: boolean;
  isConnected: boolean;
  /** Until when it counts although it is lost. */
  until: number;
}
interface Person {
  readonly id: string;
  readonly devices: Device[];
  choice: string;
  /** What they are seen as although they are invisible, and until when. */
  fading: { readonly as: string | undefined; readonly until: number } | undefined;
  /** Whether they were online or away when the last connection was lost. */
  was: string;
  /** Until when devices count that have left. */
  until: number;
}

export const graces = { graceMs: 30_000, graceAfterCloseMs: 5_000 };
/** By how much a grace may be longer, with the batch in which it is told. */
const SLACK_MS = 700;

export const deeds = [
  'come',
  'come',
  'leave',
  'crash',
  'resume',
  'resume',
  'idle',
  'active',
  'choose',
  'takeOver',
] as const;
export type Deed = (typeof deeds)[number];
const choices = ['auto', 'auto', 'away', 'doNotDisturb', 'invisible'];

/** People whose clients come and go, and what others are to see of them: told by rules of its own, without a machine. */
export class Model {
  readonly people: readonly Person[];
  readonly #stage: Stage;

  constructor(stage: Stage, count: number) {
    this.#stage = stage;
    this.people = Array.from({ length: count }, (_, i) => ({
      id: `u${i}`,
      devices: [],
      choice: 'auto',
      fading: undefined,
      was: 'OFFLINE',
      until: 0,
    }));
  }

  /** Says whether there was something to do. What it does has its effect when all is settled. */
  async happens(deed: Deed, person: Person, luck: number): Promise<boolean> {
    const connected = person.devices.filter(({ isConnected }) => isConnected);
    const lost = person.devices.filter(({ isConnected }) => !isConnected);
    const one = connected[luck % connected.length];
    switch (deed) {
      case 'come':
        if (connected.length > 2) return false;
        person.devices.push({
          client: await this.#connected(person),
          active: true,
          isConnected: true,
          until: 0,
        });
        return true;
      case 'resume': {
        const back = lost[luck % lost.length];
        if (back === undefined) return false;
        const { resumed } = await back.client.resume();
        // Its session may have ended meanwhile.
        if (!resumed) back.active = true;
        back.isConnected = true;
        return true;
      }
      case 'takeOver': {
        if (one === undefined) return false;
        const old = one.client;
        const { resumption } = old;
        one.client = this.#stage.harness.client(person.id);
        await one.client.connect({ resume: resumption });
        old.cut();
        return true;
      }
      case 'leave':
      case 'crash':
        if (one === undefined) return false;
        this.#noted(person, () => {
          const now = this.#stage.clock.now();
          one.isConnected = false;
          if (deed === 'leave') {
            one.client.close();
            person.devices.splice(person.devices.indexOf(one), 1);
            person.until = Math.max(person.until, now + graces.graceAfterCloseMs);
          } else {
            one.client.cut();
            one.until = now + graces.graceMs;
          }
        });
        return true;
      case 'idle':
      case 'active':
        if (one === undefined) return false;
        one.client.raw(JSON.stringify({ op: 'activity', state: deed }));
        one.active = deed === 'active';
        return true;
      case 'choose': {
        if (one === undefined) return false;
        const choice = choices[luck % choices.length] as string;
        if (choice !== 'invisible') person.fading = undefined;
        else if (person.choice !== 'invisible')
          person.fading = {
            as: this.seen(person),
            until: this.#stage.clock.now() + graces.graceAfterCloseMs,
          };
        person.choice = choice;
        one.client.call({ type: 'PRESENCE_CHOOSE', choice: person.choice } as AnyAction);
        return true;
      }
    }
  }

  /** What may be seen of a person: undefined where their grace is just about to end. */
  seen(person: Person): string | undefined {
    if (person.choice === 'invisible') return this.#faded(person);
    const status = this.#status(person);
    if (status === undefined) return undefined;
    const dnd = person.choice === 'doNotDisturb' && status !== 'OFFLINE';
    return dnd ? `${status} dnd` : status;
  }

  #faded({ fading }: Person): string | undefined {
    const left = fading === undefined ? Number.NEGATIVE_INFINITY : fading.until - this.#stage.clock.now();
    if (left > 0) return fading?.as;
    return left > -SLACK_MS ? undefined : 'OFFLINE';
  }

  #status(person: Person): string | undefined {
    const connected = person.devices.filter(({ isConnected }) => isConnected);
    if (connected.length > 0)
      return person.choice !== 'away' && connected.some(({ active }) => active) ? 'ONLINE' : 'AWAY';
    const until = Math.max(person.until, ...person.devices.map((device) => device.until));
    const left = until - this.#stage.clock.now();
    if (left > 0) return person.was;
    return left > -SLACK_MS ? undefined : 'OFFLINE';
  }

  #noted(person: Person, lose: () => void): void {
    const before = this.#status(person);
    lose();
    if (before === 'ONLINE' || before === 'AWAY') person.was = before;
  }

  async #connected({ id }: Person): Promise<MemoryClient> {
    const client = this.#stage.harness.client(id);
    await client.connect();
    return client;
  }
}
