import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '@callboard/testkit';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';

/** Database servers of a test file's own, in a folder of their own. */

function folders(): string[] {
  const versions = '/usr/lib/postgresql';
  const debian = existsSync(versions) ? readdirSync(versions).map((each) => join(versions, each, 'bin')) : [];
  return [...(process.env.PATH ?? '').split(':'), ...debian, '/usr/sbin', '/usr/local/sbin'];
}

function find(program: string): string | undefined {
  return folders()
    .map((folder) => join(folder, program))
    .find(existsSync);
}

/** A server that is running. */
export interface Database {
  /** A new and empty database of it, by its URL. */
  create(): Promise<string>;
  /** As the operating system does it, and back again. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Kind {
  readonly name: string;
  /** Whether its programs are here. */
  readonly installed: boolean;
  launch(): Promise<Database>;
}

export const postgresql: Kind = {
  name: 'PostgreSQL',
  installed: find('postgres') !== undefined && find('initdb') !== undefined,
  async launch() {
    const home = new Home('postgres');
    const data = join(home.folder, 'data');
    const options = ['--username=test', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C.UTF-8'];
    home.run(find('initdb') as string, ['-D', data, ...options]);
    const port = await freePort();
    const of = (name: string) => `postgres://test@127.0.0.1:${port}/${name}`;
    const ask = async (query: string) => {
      const client = new pg.Client(of('postgres'));
      await client.connect();
      await client.query(query).finally(() => client.end());
    };
    const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${home.folder}`, 'fsync=off'];
    const server = new ServerProcess(
      home,
      [find('postgres') as string, '-D', data, '-p', `${port}`, ...settings.flatMap((each) => ['-c', each])],
      () => ask('select 1'),
    );
    return begun(server, ask, of);
  },
};

export const mariadb: Kind = {
  name: 'MariaDB',
  installed: find('mariadbd') !== undefined && find('mariadb-install-db') !== undefined,
  async launch() {
    const home = new Home('mysql');
    const data = join(home.folder, 'data');
    home.run(find('mariadb-install-db') as string, [
      '--no-defaults',
      `--datadir=${data}`,
      `--tmpdir=${home.folder}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ]);
    const port = await freePort();
    const of = (name: string) => `mysql://root@127.0.0.1:${port}/${name}`;
    const ask = async (query: string) => {
      const connection = await createConnection(of('mysql'));
      await connection.query(query).finally(() => connection.end());
    };
    const server = new ServerProcess(
      home,
      [
        find('mariadbd') as string,
        '--no-defaults',
        `--datadir=${data}`,
        // Each that starts deletes the temporary tables of others there.
        `--tmpdir=${home.folder}`,
        `--socket=${join(home.folder, 's')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--innodb-flush-log-at-trx-commit=2',
      ],
      () => ask('select 1'),
    );
    return begun(server, ask, of);
  },
};

async function begun(
  server: ServerProcess,
  ask: (query: string) => Promise<void>,
  of: (name: string) => string,
): Promise<Database> {
  await server.start();
  let databases = 0;
  return Object.assign(server, {
    async create() {
      const name = `notify_${++databases}`;
      await ask(`create database ${name}`);
      return of(name);
    },
  });
}

/** A folder that belongs to whom the server runs as: none of them does as root. */
class Home {
  readonly folder = mkdtempSync(join(tmpdir(), 'callboard-db-'));
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;

  constructor(user: string) {
    if (process.getuid?.() !== 0) return;
    const id = (what: string) => Number(execFileSync('id', [what, user], { encoding: 'utf8' }));
    this.owner = { uid: id('-u'), gid: id('-g') };
    chownSync(this.folder, this.owner.uid, this.owner.gid);
  }

  run(program: string, args: readonly string[]): void {
    execFileSync(program, args, { ...this.owner, cwd: this.folder, stdio: 'pipe' });
  }
}

const PATIENCE_MS = 20_000;

class ServerProcess {
  readonly #home: Home;
  readonly #command: readonly string[];
  readonly #answers: () => Promise<void>;
  #process: ChildProcess | undefined;

  constructor(home: Home, command: readonly string[], answers: () => Promise<void>) {
    this.#home = home;
    this.#command = command;
    this.#answers = answers;
  }

  async start(): Promise<void> {
    const { owner, folder } = this.#home;
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000);
    });
    for (const deadline = Date.now() + PATIENCE_MS; ; await pause(20)) {
      try {
        return await this.#answers();
      } catch (cause) {
        if (child.exitCode === null && Date.now() < deadline) continue;
        await this.stop();
        throw new Error(`${program} does not start: ${said}`, { cause });
      }
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#home.folder, { recursive: true, force: true });
  }
}
