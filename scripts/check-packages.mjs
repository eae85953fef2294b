// Packs every public package as npm would publish it and checks what a consumer gets: publint looks at the
// manifest, attw at how the types resolve. Needs a build; needs no network.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const run = (command, args, cwd) => {
  execFileSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
};

const folders = readdirSync(join(root, 'packages'))
  .map((name) => join(root, 'packages', name))
  .filter((folder) => existsSync(join(folder, 'package.json')))
  .filter((folder) => !JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).private);

const packed = mkdtempSync(join(tmpdir(), 'packed-'));
let failures = 0;
try {
  for (const folder of folders) run('npm', ['pack', '--silent', '--pack-destination', packed], folder);
  for (const tarball of readdirSync(packed).sort()) {
    const path = join(packed, tarball);
    for (const [command, ...args] of [
      ['publint', 'run', path, '--strict'],
      ['attw', path, '--profile', 'esm-only', '--format', 'ascii', '--no-emoji', '--no-summary'],
    ]) {
      try {
        run(bin(command), args, root);
      } catch {
        failures++;
        console.error(`${command} refuses ${tarball}`);
      }
    }
  }
} finally {
  rmSync(packed, { recursive: true });
}
console.log(`${folders.length} packages checked, ${failures} complaints.`);
process.exitCode = failures === 0 ? 0 : 1;
