import { createHash } from 'node:crypto';
import type { WirePage } from './contract.ts';
import type { Response } from './upstream.ts';

/** Equal where status, kind, target and bytes are. */
export function tagOf({ status, headers, body }: Response): string {
  const kind = `${status} ${headers['content-type'] ?? ''} ${headers.location ?? ''}\n`;
  return createHash('sha256').update(kind).update(body).digest('base64url').slice(0, 22);
}

/** Whether it is more than twice the largest body as JSON, which makes six bytes of a control character. */
export function swells(response: Response, maxBodyBytes: number): boolean {
  if (3 * response.body.length <= maxBodyBytes) return false;
  // And its quotation marks.
  return Buffer.byteLength(JSON.stringify(bodyOf(response).body)) > 2 * maxBodyBytes + 2;
}

/** Text travels as text; what is none as base64. */
export function bodyOf({ headers, body }: Response): Pick<WirePage, 'body' | 'base64'> {
  const [, charset = 'utf-8'] = /;\s*charset="?([\w-]+)/i.exec(headers['content-type'] ?? '') ?? [];
  if (headers['content-encoding'] === undefined && /^(?:utf-?8|us-ascii)$/i.test(charset)) {
    try {
      return { body: utf8.decode(body) };
    } catch {
      // It is no UTF-8.
    }
  }
  return { body: body.toString('base64'), base64: true };
}
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
