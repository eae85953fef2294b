import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** An authority of its own, by the `openssl` command, and what it has signed: for a server at 127.0.0.1, and for devices. */
export function authority(): { readonly ca: string; sign(commonName: string): Certificate } {
  const own = make('authority', undefined);
  return { ca: own.cert, sign: (commonName) => make(commonName, own) };
}

function make(commonName: string, by: Certificate | undefined): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'callboard-mqtt-'));
  try {
    const at = (name: string) => join(folder, name);
    if (by !== undefined) {
      writeFileSync(at('ca.key'), by.key);
      writeFileSync(at('ca.crt'), by.cert);
    }
    const signed =
      by === undefined
        ? []
        : ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-subj', `/CN=${commonName}`, '-days', '1', '-keyout', at('key'), '-out', at('crt')],
        ...signed,
      ],
      { stdio: 'pipe' },
    );
    return { key: readFileSync(at('key'), 'utf8'), cert: readFileSync(at('crt'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
