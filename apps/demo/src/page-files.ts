import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { shows } from './shared/shows.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/**
 * Serves what Vite has built: a closed list, read once, with a route for each file. No request ever becomes the name of
 * a file. Where nothing has been built there is no page. Each show, the prompt corner, the callboard and each notice on it have addresses of their own, at which the same page is;
 * that of a show that is not on the bill says so.
 */
export async function pageFiles(app: FastifyInstance, { root }: { root: string }): Promise<void> {
  for (const file of await filesIn(root)) {
    const type = types[extname(file)];
    if (type === undefined) continue;
    const path = `/${relative(root, file).split(sep).join('/')}`;
    const content = await readFile(file);
    // Vite puts the hash of what is in it into the name.
    const caching = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const send = (reply: FastifyReply) =>
      reply.headers({ 'content-type': type, 'cache-control': caching }).send(content);
    if (path !== '/index.html') {
      app.get(path, (_request, reply) => send(reply));
      continue;
    }
    for (const own of ['/', '/corner', '/card', '/board', '/board/:event'])
      app.get(own, (_request, reply) => send(reply));
    app.get<{ Params: { show: string } }>('/shows/:show', ({ params }, reply) =>
      send(reply.code(shows.some(({ id }) => id === params.show) ? 200 : 404)),
    );
  }
}

async function filesIn(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
