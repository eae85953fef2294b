export interface EventReaderOptions {
  frame(text: string): void;
  close(code: number, reason: string): void;
}

/** Takes a stream of events apart, however it was cut into pieces (PROTOCOL.md, "Frames down, streaming"). */
export class EventReader {
  readonly #options: EventReaderOptions;
  #rest = '';

  constructor(options: EventReaderOptions) {
    this.#options = options;
  }

  read(piece: string): void {
    this.#rest += piece;
    // A large frame comes in many pieces: they are looked at when one can be the last.
    if (!piece.includes('\n')) return;
    const events = this.#rest.split('\n\n');
    this.#rest = events.pop() as string;
    for (const event of events) this.#event(event);
  }

  #event(event: string): void {
    if (event.startsWith(DATA)) return this.#options.frame(event.slice(DATA.length));
    if (!event.startsWith(CLOSE)) return;
    const { code, reason } = JSON.parse(event.slice(CLOSE.length));
    this.#options.close(code, reason);
  }
}

const DATA = 'data: ';
const CLOSE = 'event: close\ndata: ';
