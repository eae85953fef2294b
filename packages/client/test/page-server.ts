import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { transformSync } from '@swc/core';

/** Serves a page that can import the client's sources as they are, without a bundler. */
const root = new URL('../../../', import.meta.url);

const imports = {
  '@callboard/protocol': '/packages/protocol/src/index.ts',
  '@callboard/runtime': '/packages/runtime/src/index.ts',
  '#web-socket': '/packages/client/src/web-socket.browser.ts',
  rxjs: '/node_modules/rxjs/dist/esm/index.js',
  tslib: '/node_modules/tslib/tslib.es6.mjs',
  xstate: '/node_modules/xstate/dist/xstate.esm.js',
};

const page = `<!doctype html><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>`;

export const servePage: RequestListener = ({ url = '/' }, response) => {
  const answer = (type: string, body: string) =>
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  if (url === '/') return void answer('text/html', page);
  const code = read(url) ?? read(`${url}.js`);
  if (code === undefined) return void response.writeHead(404).end();
  answer('text/javascript', url.endsWith('.ts') ? plain(code) : code);
};

function read(path: string): string | undefined {
  if (!/^\/(packages\/\w+\/src|node_modules\/(rxjs\/dist|xstate\/dist|tslib))\//.test(path)) return undefined;
  try {
    return readFileSync(new URL(`.${path}`, root), 'utf8');
  } catch {
    return undefined;
  }
}

function plain(code: string): string {
  return transformSync(code, {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
  }).code;
}
