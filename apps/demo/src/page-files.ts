import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyInstance } from 'fastify';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/**
 * Serves what Vite has built: a closed list, read once, with a route for each file. No request ever becomes the name of
 * a file. Where nothing has been built there is no page.
 */
export async function pageFiles(app: FastifyInstance, { root }: { root: string }): Promise<void> {
  for (const file of await filesIn(root)) {
    const type = types[extname(file)];
    if (type === undefined) continue;
    const path = `/${relative(root, file).split(sep).join('/')}`;
    const content = await readFile(file);
    // Vite puts the hash of what is in it into the name.
    const caching = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    app.get(path === '/index.html' ? '/' : path, (_request, reply) =>
      reply.headers({ 'content-type': type, 'cache-control': caching }).send(content),
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
