/** One request, that the test answers. */
export class Asked {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  readonly init: RequestInit;
  readonly url: string;
  readonly response: Promise<Response>;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;

  constructor(url: string, init: RequestInit) {
    this.url = url;
    this.init = init;
    this.method = init.method ?? 'GET';
    this.headers = init.headers as Record<string, string>;
    this.body = init.body as string | undefined;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    init.signal?.addEventListener('abort', () => this.fail());
  }

  get aborted(): boolean {
    return this.init.signal?.aborted === true;
  }

  answer(status: number, body: string | object | null = null): void {
    const text = typeof body === 'string' || body === null ? body : JSON.stringify(body);
    this.#resolve(new Response(text, { status }));
  }

  fail(): void {
    this.#reject(new TypeError('fetch failed'));
  }

  /** Answers with a stream; gives what writes to it, ends and breaks it. */
  stream(): { write(text: string | Uint8Array): void; end(): void; fail(): void } {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (given) => {
        controller = given;
      },
    });
    const fail = () => {
      try {
        controller.error(new TypeError('terminated'));
      } catch {
        // It is over already.
      }
    };
    this.init.signal?.addEventListener('abort', fail);
    this.#resolve(new Response(body, { status: 200 }));
    const encoder = new TextEncoder();
    return {
      write: (text) => controller.enqueue(typeof text === 'string' ? encoder.encode(text) : text),
      end: () => controller.close(),
      fail,
    };
  }
}

/** A platform's `fetch`, whose other end is the test. */
export class ScriptedFetch {
  readonly asked: Asked[] = [];

  readonly fetch: typeof globalThis.fetch = (url, init = {}) => {
    const asked = new Asked(String(url), init);
    this.asked.push(asked);
    return asked.response;
  };

  get last(): Asked {
    return this.asked.at(-1) as Asked;
  }
}
