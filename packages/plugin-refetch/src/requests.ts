import { type Client, type HandlerContext, type PluginContext, ReplyError } from '@callboard/core';
import type { Cell } from './cell.ts';
import { askPage, askToken, askUnwatch, askWatch, type Told, type Watching } from './contract.ts';
import type { Settings } from './options.ts';
import { pathOf, type ResourcePath } from './path.ts';
import type { Watch, Watches } from './watches.ts';

export interface RequestsHost {
  readonly settings: Settings;
  readonly watches: Watches;
  readonly isOpen: (path: ResourcePath) => boolean;
  /** Of the channel of its pages. */
  readonly nameOf: (cell: Cell) => string;
}

/** Answers what clients ask. */
export function answerClients({ handle, server }: PluginContext, host: RequestsHost): void {
  const { settings, watches, isOpen, nameOf } = host;

  const readers = (cell: Cell) => server.channel(nameOf(cell)).subscribers;
  /** Who reads the channel of a cell that it does not watch any more is sent no more of it. */
  const sweep = (cell: Cell, client: Client) => {
    if (!watches.reads(client, cell.id)) void server.recheckRights(client.user.id);
  };
  const watching = ({ cell }: Watch): Watching => {
    if (cell.watches.size === 1) for (const client of readers(cell)) sweep(cell, client);
    return { channel: nameOf(cell), seq: cell.seq };
  };
  const known = (client: Client, id: number): Watch => {
    const watch = watches.of(client, id);
    if (watch === undefined) throw new ReplyError('UNKNOWN_WATCH', { effect: 'none' });
    return watch;
  };

  handle('REFETCH_WATCH', async ({ action, client }: HandlerContext): Promise<Watching> => {
    const { watch: id, path: named, token, headers = {} } = askWatch(action);
    const path = pathOf(named);
    if (path === undefined) throw new ReplyError('INVALID_PATH', { effect: 'none' });
    watches.reserve(client, id);
    try {
      const isAllowed = isOpen(path) && ((await settings.canWatch?.({ client, path: path.path })) ?? true);
      if (isAllowed !== true) throw new ReplyError('FORBIDDEN');
      return watching(watches.watch(client, id, path, { token, headers: settings.requestHeaders(headers) }));
    } catch (cause) {
      watches.unwatch(client, id);
      throw cause;
    }
  });
  handle('REFETCH_PAGE', ({ action, client }): Told | Promise<Told> => {
    const { watch: id, ...page } = askPage(action);
    const watch = known(client, id);
    return watch.cell.ask(watch, page);
  });
  handle('REFETCH_TOKEN', ({ action, client }): Watching => {
    const { watch: id, token } = askToken(action);
    const watch = known(client, id);
    watches.renew(watch, token);
    return watching(watch);
  });
  handle('REFETCH_UNWATCH', ({ action, client }): void => {
    const { watch: id } = askUnwatch(action);
    const watch = watches.of(client, id);
    watches.unwatch(client, id);
    if (watch !== undefined && readers(watch.cell).has(client)) sweep(watch.cell, client);
  });
}
