import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * The page comes from dist/: makes sure, once for all test files, that it is that of the sources. Jest's NODE_ENV makes it
 * React's development build, whose warnings fail a test, and which joins and leaves everything once more than it must.
 */
export default async function buildPage() {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  await promisify(execFile)('npm', ['run', 'build'], { cwd, shell: process.platform === 'win32' });
}
