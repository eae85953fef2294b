import type { GapFrame, MessageFrame } from '@callboard/protocol';
import { clockTime, duration, element } from './dom.ts';
import type { Arrival } from './wire.ts';

const MAX_NOTICES = 60;

/** The board: notes as they come, the newest first; and what a client missed, on one sheet, in order. */
export class Notices {
  readonly #list: HTMLElement;
  readonly #empty: HTMLElement;
  #sheet: Sheet | undefined;

  constructor(list: HTMLElement, empty: HTMLElement) {
    this.#list = list;
    this.#empty = empty;
  }

  clear(): void {
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    this.#sheet = undefined;
  }

  arrived({ frame, before, awayMs }: Arrival): void {
    if (before === undefined) return;
    if (frame.resumed) {
      this.#sheet = new Sheet(awayMs);
      this.#pin(this.#sheet.item);
    } else {
      this.#slip(
        'A new client',
        `The server no longer knows client ${before}: it was started anew, or more than a minute went by. ` +
          `This tab is client ${frame.clientId} from now on. What was sent meanwhile did not reach it.`,
      );
    }
  }

  /** Something else came after the connection began: nothing more was missed. */
  recovered(): void {
    this.#sheet?.complete();
    this.#sheet = undefined;
  }

  message(frame: MessageFrame, missed: boolean, self: string): void {
    if (missed && this.#sheet) {
      this.#sheet.add(note('li', 'missed', frame, self));
      return;
    }
    const kind = frame.from === undefined ? 'house' : frame.from.userId === self ? 'own' : 'other';
    this.#pin(note('li', `notice ${kind}`, frame, self));
  }

  /** A session that is gone has its slip already. */
  gap({ reason, from, to }: GapFrame): void {
    if (reason === 'session') return;
    this.#slip(
      'Something is missing',
      `What was sent after № ${from.offset}, up to № ${to.offset}, is lost.`,
    );
  }

  #slip(title: string, text: string): void {
    this.#pin(element('li', 'notice slip', element('h3', '', title), element('p', 'text', text)));
  }

  #pin(item: HTMLElement): void {
    this.#empty.hidden = true;
    this.#list.prepend(item);
    while (this.#list.childElementCount > MAX_NOTICES) this.#list.lastElementChild?.remove();
  }
}

/** What was missed during one absence. */
class Sheet {
  readonly item: HTMLElement;
  readonly #away: string;
  readonly #summary = element('p', 'summary');
  readonly #notes = element('ol');
  #complete = false;

  constructor(awayMs: number) {
    this.#away = duration(awayMs);
    this.item = element(
      'li',
      'notice sheet',
      element('h3', '', 'While you were away'),
      this.#summary,
      this.#notes,
    );
    this.#summarise();
  }

  add(item: HTMLElement): void {
    this.#notes.append(item);
    this.#summarise();
  }

  complete(): void {
    this.#complete = true;
    this.#summarise();
  }

  #summarise(): void {
    const count = this.#notes.childElementCount;
    const what =
      count > 1
        ? `${count} notes, in the order in which they were sent`
        : count === 1
          ? 'one note'
          : this.#complete
            ? 'nothing was sent'
            : 'looking for notes';
    this.#summary.textContent = `${this.#away}: ${what}.`;
  }
}

function note(
  tag: 'li',
  className: string,
  { action, from, offset }: MessageFrame,
  self: string,
): HTMLElement {
  const who = from === undefined ? 'The house' : from.userId === self ? 'Another tab of yours' : from.userId;
  const text = typeof action.text === 'string' ? action.text : JSON.stringify(action);
  const number = element('span', 'number', `№ ${offset}`);
  number.title = 'Its offset in your inbox';
  const sender = element('p', 'sender', who);
  if (from) sender.title = `client ${from.clientId}`;
  return element(
    tag,
    className,
    sender,
    element('p', 'text', text),
    element('p', 'meta', clockTime(), number),
  );
}
