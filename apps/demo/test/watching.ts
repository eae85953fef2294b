import { type Client, type ClientPluginApis, createClient } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { type Page, refetchClient, type TokenSource, type Watch } from '@callboard/plugin-refetch/client';
import { until } from '@callboard/testkit';

export type Watcher = Client & ClientPluginApis<readonly [ReturnType<typeof refetchClient>]>;

export interface Watching<T> {
  readonly client: Watcher;
  readonly watch: Watch;
  readonly pages: readonly Page[];
  readonly last: () => T;
}

export interface Who {
  readonly userId: string;
  readonly token: string;
  /** For the REST API. Default: the same. */
  readonly shown?: TokenSource;
}

/** Somebody without a page who watches what the REST API says, and has it. */
export async function watching<T>(
  port: number,
  { userId, token, shown = token }: Who,
  path: string,
): Promise<Watching<T>> {
  const client: Watcher = createClient({
    endPoint: `ws://127.0.0.1:${port}`,
    ...{ userId, token, plugins: [refetchClient({ token: shown })], logger: silentLogger },
  });
  const pages: Page[] = [];
  const watch = client.refetch.watch(path, {}, (page) => pages.push(page));
  await until(() => pages.length === 1 || watch.state.state === 'ended', 'the first page');
  return { client, watch, pages, last: () => pages.at(-1)?.body as T };
}
