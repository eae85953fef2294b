import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@callboard/testkit';

/** nginx, where it is installed. */
export const nginxPath = [process.env.NGINX ?? '', ...folders().map((folder) => join(folder, 'nginx'))].find(
  (path) => path !== '' && existsSync(path),
);

function folders(): string[] {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Less than a test has. */
const PATIENCE_MS = 4_000;

/** An nginx of its own, in a folder of its own. */
export class Nginx {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#process = child;
    this.#folder = folder;
  }

  /** `location`: what it does with requests. @throws with what nginx says, where it does not start. */
  static async start(location: (port: number) => string): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'callboard-nginx-'));
    const port = await freePort();
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events {}
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server { listen 127.0.0.1:${port}; location / { ${location(port)} } }
}
`,
    );
    const child = spawn(nginxPath as string, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    const nginx = new Nginx(port, child, folder);
    for (const deadline = Date.now() + PATIENCE_MS; !(await answers(port)); ) {
      if (child.exitCode === null && Date.now() < deadline) continue;
      await nginx.stop();
      throw new Error(`nginx does not start: ${said}`);
    }
    return nginx;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGTERM');
      await once(this.#process, 'exit');
    }
    rmSync(this.#folder, { recursive: true });
  }
}
