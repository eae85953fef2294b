import type { IncomingHttpHeaders } from 'node:http';

/** What belongs to one connection, or says where a request came from: no client has a say in it (RFC 9110, section 7.6.1). */
const ours = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'forwarded',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-http-method-override',
  'x-real-ip',
]);
const oursBegin = ['proxy-', 'x-forwarded-', 'sec-'];

/** What an API says to one connection or one browser. */
const theirs = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'set-cookie',
  'set-cookie2',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names that are let through, in small letters. @throws TypeError where one never is. */
function allowed(names: readonly string[], isNever: (name: string) => boolean, what: string): Set<string> {
  const set = new Set(names.map((name) => name.toLowerCase()));
  for (const name of set) if (isNever(name)) throw new TypeError(`${what} never has ${name}`);
  return set;
}

export type Headers = readonly (readonly [name: string, value: string])[];

/** Those of a client's that go to the upstream, in one order and spelling. @throws TypeError where one is named that never does. */
export function requestHeaders(names: readonly string[], reserved: readonly string[]) {
  const never = new Set([...ours, ...reserved.map((name) => name.toLowerCase())]);
  const isNever = (name: string) => never.has(name) || oursBegin.some((start) => name.startsWith(start));
  const passing = allowed(names, isNever, 'a request');
  return (headers: Readonly<Record<string, string>>): Headers =>
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
      .filter(([name]) => passing.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Those of a response that go to watchers. @throws TypeError where one is named that never does. */
export function responseHeaders(names: readonly string[]) {
  const isNever = (name: string) => theirs.has(name) || name.startsWith('proxy-');
  const passing = allowed(names, isNever, 'a page');
  return (headers: IncomingHttpHeaders): Record<string, string> => {
    const passed: Record<string, string> = {};
    for (const name of passing) {
      const value = headers[name];
      if (value !== undefined) passed[name] = Array.isArray(value) ? value.join(', ') : value;
    }
    return passed;
  };
}
