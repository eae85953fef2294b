/**
 * `npm run bench:refetch`: a page changes, and a thousand people have it open. Fetched for them and pushed, with a credential each, with ten
 * and with one; told to fetch it themselves; and polling every five seconds.
 */

import { Agent, get } from 'node:http';
import { type Client, createClient } from '@callboard/client';
import { type ClientRefetch, refetchClient } from '@callboard/plugin-refetch/client';
import { Part } from './control.ts';

const readers = Number(process.argv[2] ?? 1_000);
const POLL_MS = 5_000;

interface Stage {
  readonly api: Part;
  readonly server: Part;
  readonly clients: readonly (Client & { readonly refetch: ClientRefetch })[];
  /** The page has come to this reader. */
  seen(reader: number, edit: number): void;
}
interface Way {
  readonly name: string;
  readonly rounds: number;
  /** Gives what ends it. */
  begin(stage: Stage): () => void;
  /** The page has changed. */
  changed(stage: Stage): Promise<unknown>;
}

const ways: readonly Way[] = [
  ...[readers, 10, 1].map(fetched),
  {
    name: 'refetch-ping-get',
    rounds: 20,
    begin({ api, clients, seen }) {
      const people = clients.map((_, i) => person(api.port, i));
      for (const [i, client] of clients.entries())
        client.channel('changed/users/1').subscribe(() => people[i]?.look((edit) => seen(i, edit)));
      for (const [i, each] of people.entries()) each.look((edit) => seen(i, edit));
      return () => {
        for (const each of people) each.leave();
      };
    },
    changed: ({ server }) => server.tell('ping'),
  },
  {
    name: 'refetch-poll-5s',
    rounds: 3,
    begin({ api, clients, seen }) {
      const people = clients.map((_, i) => person(api.port, i));
      const timers = people.flatMap((each, i) => {
        each.look((edit) => seen(i, edit));
        const poll = () => each.look((edit) => seen(i, edit));
        const timer: { again?: NodeJS.Timeout } = {};
        const first = setTimeout(
          () => {
            timer.again = setInterval(poll, POLL_MS);
            poll();
          },
          (POLL_MS * i) / people.length,
        );
        return [() => clearTimeout(first), () => clearInterval(timer.again)];
      });
      return () => {
        for (const stop of timers) stop();
        for (const each of people) each.leave();
      };
    },
    changed: async () => {},
  },
];

function fetched(credentials: number): Way {
  return {
    name: `refetch-${credentials}`,
    rounds: 20,
    begin({ clients, seen }) {
      for (const [i, client] of clients.entries()) {
        const watch = client.refetch.watch('/users/1', { token: `t${i % credentials}` });
        watch.subscribe(({ body }) => seen(i, (body as { edit: number }).edit));
      }
      return () => {};
    },
    changed: ({ server }) => server.tell('bump'),
  };
}

/** Somebody with a browser: one connection to the API, and what came last is asked for conditionally. */
function person(port: number, i: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let etag: string | undefined;
  return {
    look(came: (edit: number) => void): void {
      const headers = { authorization: `Bearer t${i}`, ...(etag !== undefined && { 'if-none-match': etag }) };
      get({ host: '127.0.0.1', port, path: '/users/1', agent, headers }, (response) => {
        etag = response.headers.etag;
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) came((JSON.parse(text) as { edit: number }).edit);
        });
      });
    },
    leave: () => agent.destroy(),
  };
}

for (const way of ways) await measure(way);
process.exit();

async function measure(way: Way): Promise<void> {
  const api = await Part.start('./api.js');
  const server = await Part.start('./server.js', `http://127.0.0.1:${api.port}`);
  const clients = Array.from({ length: readers }, (_, i) =>
    createClient({
      endPoint: `ws://127.0.0.1:${server.port}`,
      userId: i,
      plugins: [refetchClient()],
    }),
  );
  for (let i = 0; i < clients.length; i += 100)
    await Promise.all(clients.slice(i, i + 100).map((client) => client.connect()));

  let wanted = 0;
  const have = new Set<number>();
  let all = () => {};
  const everybody = () =>
    new Promise<void>((resolve) => {
      all = resolve;
    });
  const seen = (reader: number, edit: number) => {
    if (edit !== wanted) return;
    have.add(reader);
    if (have.size === readers) all();
  };
  const stage = { api, server, clients, seen };
  const first = everybody();
  const end = way.begin(stage);
  await first;

  const times: number[] = [];
  const before = await Promise.all([api.tell('count'), server.tell('count')]);
  for (let round = 0; round < way.rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    have.clear();
    wanted++;
    const done = everybody();
    await api.tell('edit');
    const begun = performance.now();
    await way.changed(stage);
    await done;
    times.push(performance.now() - begun);
  }
  const after = await Promise.all([api.tell('count'), server.tell('count')]);
  const each = (part: 0 | 1, what: string) =>
    ((after[part][what] ?? 0) - (before[part][what] ?? 0)) / way.rounds;
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  const figures = {
    'last page, median ms': Math.round(median),
    'last page, worst ms': Math.round(times.at(-1) ?? 0),
    'requests at the API': Math.round(each(0, 'requests')),
    'KB from the API': Math.round(each(0, 'bytes') / 1_024),
    'KB from Callboard': Math.round(each(1, 'bytes') / 1_024),
    'CPU ms of the API': Math.round(each(0, 'cpuMs')),
    'CPU ms of Callboard': Math.round(each(1, 'cpuMs')),
  };
  console.log(`${way.name}: ${JSON.stringify(figures)}`);
  end();
  await Promise.all(clients.map((client) => client.close()));
  api.stop();
  server.stop();
}
