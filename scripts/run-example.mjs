import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { transformSync } from '@swc/core';

const root = new URL('../', import.meta.url);

export const read = (file) => readFileSync(new URL(file, root), 'utf8');
export const examplesIn = (file, language = 'ts') =>
  [...read(file).matchAll(/```(\w+)\n(.*?)```/gs)]
    .filter(([, of]) => of === language)
    .map(([, , code]) => code);

/** Runs an example as it stands, on a free port; gives what it declares under `name`. */
export async function run(code, file, name) {
  const { code: plain } = transformSync(code.replace(/port: (4001|1883)/g, 'port: 0'), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
  });
  const folder = new URL('node_modules/.cache/callboard/', root);
  mkdirSync(folder, { recursive: true });
  const url = new URL(file, folder);
  writeFileSync(url, `${plain}\nexport const example = ${name};\n`);
  return (await import(url.pathname)).example;
}

/** Turns of the event loop until something is so: a client comes back after up to half a second. */
export async function until(so) {
  const begun = performance.now();
  while (!so()) {
    if (performance.now() - begun > 15_000) throw new Error('it never came about');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
