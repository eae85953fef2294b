import { execFileSync } from 'node:child_process';
import type { Certificate } from '../control.ts';

/** A fresh self-signed certificate for the TLS scenarios, by the `openssl` command. */
export function createCertificate(): Certificate {
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const output = ['-subj', '/CN=127.0.0.1', '-days', '1', '-keyout', '-', '-out', '-'];
  let pem: string;
  try {
    pem = execFileSync('openssl', [...request, ...output], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
  } catch (cause) {
    throw new Error('The TLS scenarios make their certificate with the openssl command, which failed', {
      cause,
    });
  }
  const certificateAt = pem.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: pem.slice(0, certificateAt), cert: pem.slice(certificateAt) };
}
