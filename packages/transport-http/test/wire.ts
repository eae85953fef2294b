import { once } from 'node:events';
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { ClientWire, Closed } from '@callboard/testkit';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The code of a refusal. */
  readonly code: string | undefined;
}

export interface Question {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
}

/** Sends a request, and gives its response as soon as it begins. */
export function asking(url: string, { method, headers, body, agent }: Question): Promise<IncomingMessage> {
  // Without an agent each request has a socket of its own.
  const sent = request(url, { method, headers, agent: agent ?? false });
  sent.end(body);
  return new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
  });
}

/** Sends a request, and gives its whole answer. */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  return answerOf(await asking(url, question));
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const code = /^{"error":{"code":"(\w+)"}}$/.exec(body)?.[1];
  return { status: response.statusCode ?? 0, headers: response.headers, body, code };
}

export type Mode = 'stream' | 'poll';

/** A client as PROTOCOL.md, "HTTP", has it, without any retries. */
export class HttpWire implements ClientWire {
  readonly id: string;
  readonly #url: string;
  readonly #mode: Mode;
  readonly #headers: OutgoingHttpHeaders;
  readonly #agent = new Agent({ keepAlive: true });
  #onFrame: ((text: string) => void) | undefined;
  #onClose: ((code: number, reason: string) => void) | undefined;
  #early: string[] = [];
  #closed: Closed | undefined;
  #frozen = false;
  #thawed: () => void = () => {};
  #down: IncomingMessage | undefined;
  #queue: string[] = [];
  #frame = 1;
  #sending: Promise<void> | undefined;

  private constructor(url: string, id: string, mode: Mode, headers: OutgoingHttpHeaders) {
    this.#url = url;
    this.id = id;
    this.#mode = mode;
    this.#headers = { ...headers, 'callboard-connection': id };
  }

  /** @throws Refused */
  static async open(
    url: string,
    mode: Mode = 'stream',
    headers: OutgoingHttpHeaders = {},
  ): Promise<HttpWire> {
    const answer = await ask(url, { method: 'POST', headers });
    if (answer.status !== 201) throw new Refused(answer);
    const wire = new HttpWire(url, JSON.parse(answer.body).connection, mode, headers);
    const end = () => wire.#end(1006, '');
    if (mode === 'stream') await wire.#stream();
    else wire.#polls().catch(end);
    return wire;
  }

  send(text: string): void {
    if (this.#closed !== undefined) return;
    this.#queue.push(text);
    this.#sending ??= this.#flush().catch(() => {});
  }

  onFrame(listener: (text: string) => void): void {
    this.#onFrame = listener;
    for (const text of this.#early) listener(text);
    this.#early = [];
  }

  onClose(listener: (code: number, reason: string) => void): void {
    this.#onClose = listener;
    if (this.#closed !== undefined) listener(this.#closed.code, this.#closed.reason);
  }

  close(code = 1000, reason = ''): void {
    const goodbye = async () => {
      await this.#sending;
      await this.#post('', { 'callboard-close': `${code} ${encodeURIComponent(reason)}` });
    };
    if (this.#closed !== undefined) return;
    const end = () => this.#end(code, reason);
    goodbye().then(end, end);
  }

  cut(): void {
    this.#end(1006, '');
    this.#agent.destroy();
  }

  freeze(): void {
    this.#frozen = true;
    this.#down?.pause();
  }

  thaw(): void {
    this.#frozen = false;
    this.#down?.resume();
    this.#thawed();
  }

  /** What is up, in as few POSTs as it takes. */
  async #flush(): Promise<void> {
    for (; this.#queue.length > 0; ) {
      const body: string[] = [];
      for (let bytes = 0; this.#queue.length > 0; body.push(this.#queue.shift() as string)) {
        bytes += Buffer.byteLength(this.#queue[0] as string) + 1;
        if (bytes > MAX_BODY) break;
      }
      await this.#post(body.join('\n'));
      this.#frame += body.length;
    }
    this.#sending = undefined;
  }

  async #post(body: string, headers: OutgoingHttpHeaders = {}): Promise<void> {
    const answer = await ask(this.#url, {
      method: 'POST',
      headers: { ...this.#headers, 'callboard-frame': this.#frame, ...headers },
      body,
      agent: this.#agent,
    });
    if (answer.status !== 204) throw new Refused(answer);
  }

  /** When the stream is there. */
  async #stream(): Promise<void> {
    const response = await asking(this.#url, { headers: this.#headers, agent: this.#agent });
    if (response.statusCode !== 200) throw new Refused(await answerOf(response));
    this.#down = response;
    let rest = '';
    response.setEncoding('utf8');
    const greeted = once(response, 'data');
    response.on('data', (chunk) => {
      const events = (rest + chunk).split('\n\n');
      rest = events.pop() as string;
      for (const event of events) this.#event(event);
    });
    response.on('error', () => {});
    response.on('close', () => this.#end(1006, ''));
    await greeted;
  }

  async #polls(): Promise<void> {
    for (let poll = 1; this.#closed === undefined; poll++) {
      if (this.#frozen) await new Promise<void>((resolve) => (this.#thawed = resolve));
      const headers = { ...this.#headers, 'callboard-poll': poll };
      const answer = await ask(this.#url, { headers, agent: this.#agent });
      if (answer.status !== 200 || !answer.body.endsWith(`:${poll}\n\n`)) throw new Refused(answer);
      for (const event of answer.body.split('\n\n')) this.#event(event);
    }
  }

  #event(event: string): void {
    if (this.#closed !== undefined) return;
    if (event.startsWith('data: ')) {
      const text = event.slice(6);
      if (this.#onFrame === undefined) this.#early.push(text);
      else this.#onFrame(text);
    } else if (event.startsWith('event: close\ndata: ')) {
      const { code, reason } = JSON.parse(event.slice(19));
      this.#end(code, reason);
    }
  }

  #end(code: number, reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = { code, reason };
    this.#agent.destroy();
    this.#onClose?.(code, reason);
  }

  /** How it polls or streams. */
  get mode(): Mode {
    return this.#mode;
  }
}

const MAX_BODY = 131_072;

export class Refused extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(`${answer.status} ${answer.body}`);
    this.answer = answer;
  }
}
