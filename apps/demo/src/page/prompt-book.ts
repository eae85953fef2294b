import type { ClientFrame, ServerFrame } from '@callboard/protocol';
import { clockTime, element } from './dom.ts';

type Frame = ClientFrame | ServerFrame;
type Direction = 'in' | 'out';

const MAX_LINES = 300;

/** Every frame in and out, as on the wire but for the session, which is a secret. */
export class PromptBook {
  readonly #list: HTMLElement;
  readonly #unfold: HTMLInputElement;

  constructor(list: HTMLElement, unfold: HTMLInputElement) {
    this.#list = list;
    this.#unfold = unfold;
    unfold.addEventListener('change', () => {
      for (const each of list.querySelectorAll('details')) each.open = unfold.checked;
      list.scrollTop = list.scrollHeight;
    });
  }

  clear(): void {
    this.#list.replaceChildren();
  }

  frame(direction: Direction, frame: Frame): void {
    const arrow = element('span', 'arrow', direction === 'out' ? '→' : '←');
    arrow.ariaLabel = direction === 'out' ? 'sent' : 'received';
    arrow.role = 'img';
    const details = element(
      'details',
      '',
      element(
        'summary',
        '',
        clockTime(),
        arrow,
        element('span', 'op', frame.op),
        element('span', 'mid', 'mid' in frame ? `${frame.mid}` : ''),
        element('span', 'gist', gist(frame)),
      ),
      element('pre', '', ...coloured(JSON.stringify(frame, withoutSecrets, 2))),
    );
    details.open = this.#unfold.checked;
    const line = element('li', direction, details);
    line.dataset.op = frame.op;
    this.#append(line);
  }

  remark(text: string): void {
    this.#append(element('li', 'remark', clockTime(), element('span', '', text)));
  }

  /** Stays at the end, unless somebody reads further up. */
  #append(line: HTMLElement): void {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(line);
    while (list.childElementCount > MAX_LINES) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

/** What is worth knowing of a frame, in a few words. */
function gist(frame: Frame): string {
  switch (frame.op) {
    case 'connect':
      return frame.resume ? `${frame.userId}, resuming` : `${frame.userId}`;
    case 'connected':
      return `${frame.clientId}, ${frame.resumed ? 'resumed' : 'a new session'}`;
    case 'call':
    case 'broadcast':
      return frame.action.type;
    case 'send':
      return `${frame.action.type} to ${frame.to.join(', ')}`;
    case 'subscribe':
    case 'unsubscribe':
      return `${frame.events.length} events`;
    case 'reply':
      return frame.result === undefined ? '' : JSON.stringify(frame.result);
    case 'error':
      return frame.code;
    case 'message':
      return `${frame.action.type} from ${frame.from?.userId ?? 'the server'}, offset ${frame.offset}`;
    case 'gap':
      return `${frame.stream}: ${frame.reason}`;
    case 'event':
      return frame.event.type;
    case 'disconnect':
      return `${frame.code} ${frame.reason}`;
    default:
      return '';
  }
}

function withoutSecrets(key: string, value: unknown): unknown {
  if (key !== 'session' || typeof value !== 'string') return value;
  return `${value.slice(0, 4)}…${value.slice(-3)} (shortened here)`;
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

/** JSON with its tokens in spans of their own. */
function* coloured(json: string): Generator<Node | string> {
  let end = 0;
  for (const found of json.matchAll(token)) {
    const [text, string, colon] = found;
    yield json.slice(end, found.index);
    if (string === undefined) yield element('span', 'literal', text);
    else yield element('span', colon === undefined ? 'string' : 'key', string);
    yield colon ?? '';
    end = found.index + text.length;
  }
  yield json.slice(end);
}
