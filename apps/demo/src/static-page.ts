import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Middleware } from '@callboard/core';

/** Beside src/ and dist/ alike, so that it is right from both. */
const root = new URL('../', import.meta.url);

interface StaticFile {
  readonly path: string;
  readonly type: string;
}

const html = 'text/html; charset=utf-8';
const files: ReadonlyMap<string, StaticFile> = new Map([
  ['/', { path: 'public/index.html', type: html }],
  ['/style.css', { path: 'public/style.css', type: 'text/css; charset=utf-8' }],
  ['/icon.svg', { path: 'public/icon.svg', type: 'image/svg+xml' }],
]);
/** The compiled modules of src/page. No path can leave their folder: a name has neither slash nor dot. */
const script = /^\/page\/([a-z-]+)\.js$/;

/** The page may load its own files and talk to its own server, and nothing else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** Serves the demo's page: a closed list of files, to GET and HEAD. */
export const staticPage: Middleware = (request, response, next) => {
  const [path = '/'] = (request.url ?? '/').split('?');
  const file = fileAt(path);
  if (file === undefined) return next();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  readFile(new URL(file.path, root)).then(
    (content) => send(response, file, content),
    (error: NodeJS.ErrnoException) => next(error.code === 'ENOENT' ? undefined : error),
  );
};

function fileAt(path: string): StaticFile | undefined {
  const module = script.exec(path)?.[1];
  if (module === undefined) return files.get(path);
  return { path: `dist/page/${module}.js`, type: 'text/javascript; charset=utf-8' };
}

function send(response: ServerResponse, { type }: StaticFile, content: Buffer): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': content.length,
    'cache-control': 'no-cache',
    'content-security-policy': contentSecurityPolicy,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(content);
}
