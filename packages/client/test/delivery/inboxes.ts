import type { Draft } from '@callboard/core';
import type { AnyAction, Position } from '@callboard/protocol';
import { FaultyLog } from './log.ts';

/** What is in an inbox, as a client is to see it. */
interface Letter {
  readonly action: AnyAction;
  readonly from?: { readonly userId: string; readonly clientId: string };
}

/** The truth about inboxes. */
export class Inboxes extends FaultyLog<Letter> {
  /** How often something was appended, by its id and the stream; whether or not somebody was there. */
  readonly #appended = new Map<string, number>();

  times(id: string, userId: string): number {
    return this.#appended.get(`${id} ${inboxOf(userId)}`) ?? 0;
  }

  head(userId: string): Position | undefined {
    return this.headOf(inboxOf(userId));
  }

  oldest(userId: string, epoch: string): number {
    return this.oldestOf(inboxOf(userId), epoch);
  }

  lose(userId: string): void {
    this.loseStream(inboxOf(userId));
  }

  protected override appended(stream: string, { body }: Draft): void {
    const { action }: Letter = JSON.parse(`{${body}`);
    const key = `${action.id} ${stream}`;
    this.#appended.set(key, (this.#appended.get(key) ?? 0) + 1);
  }
}

function inboxOf(userId: string): string {
  return `$inbox/${userId}`;
}
