import type { ClientPluginContext } from '@callboard/client';
import type { ClientRefetch, Page, RefetchClientOptions, Watch, WatchOptions } from './client.ts';
import { ClientWatch, type ClientWatchHost } from './client-watch.ts';

/** The watches of a client, which are to be taken up again in each new session. */
export class ClientWatches implements ClientRefetch, ClientWatchHost {
  readonly #context: ClientPluginContext;
  readonly #options: RefetchClientOptions;
  readonly #watches = new Set<ClientWatch>();
  /** What the server has not been told yet to forget: tokens are to go with their watches. */
  readonly #forgotten = new Set<number>();
  #lastId = 0;

  constructor(context: ClientPluginContext, options: RefetchClientOptions) {
    const { client } = context;
    this.#context = context;
    this.#options = options;
    let session = client.id;
    client.actor.subscribe(({ value }) => {
      if (value !== 'online' || client.id === session) return;
      // Before it asks for the channels of a session that is over.
      session = client.id;
      for (const watch of this.#watches) watch.detach();
    });
    client.connected$.subscribe(({ resumed }) => {
      if (!resumed) this.#forgotten.clear();
      for (const watch of this.#forgotten) this.#unwatch(watch);
      for (const watch of [...this.#watches]) if (!resumed || !watch.isOpen) watch.open();
    });
    context.onClose(() => {
      for (const watch of [...this.#watches]) watch.end('CLOSED');
    });
  }

  watch(path: string, options: WatchOptions = {}, callback?: (page: Page) => void): Watch {
    const { token } = this.#options;
    const given = { ...(token !== undefined && { token }), ...options };
    const watch = new ClientWatch(this.#context, path, given, this);
    this.#watches.add(watch);
    if (callback !== undefined) watch.subscribe(callback);
    if (this.#context.client.isConnected()) watch.open();
    return watch;
  }

  left(watch: ClientWatch): void {
    this.#watches.delete(watch);
  }

  nextId(): number {
    return ++this.#lastId;
  }

  forget(id: number): void {
    this.#forgotten.add(id);
    if (this.#context.client.isConnected()) this.#unwatch(id);
  }

  #unwatch(watch: number): void {
    const { client } = this.#context;
    // What fails is said again with the next connection.
    client.sendToServer({ type: 'REFETCH_UNWATCH', watch }, { resend: true }).then(
      () => this.#forgotten.delete(watch),
      () => {},
    );
  }
}
