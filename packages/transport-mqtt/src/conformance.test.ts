import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

/** CONFORMANCE.md and the tests that it names. */

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const document = read('../CONFORMANCE.md');
const rows = [...document.matchAll(/^\| (\d[\d.]*-\d+) \| .*? \| (.*) \|$/gm)].map(([, id, covered]) => ({
  id,
  covered,
}));

test('every test that is named there is there', () => {
  expect(rows.length).toBeGreaterThan(150);
  const missing = rows.filter(({ covered }) => {
    const [, file, title] = /^`(.+\.test\.ts)`: “(.+)”$/.exec(covered as string) ?? [];
    return file === undefined ? covered !== 'not there' : !read(`./${file}`).includes(`'${title}'`);
  });
  expect(missing).toEqual([]);
});

test('no statement is there twice in one specification', () => {
  for (const half of document.split('## MQTT 3.1.1')) {
    const ids = [...half.matchAll(/^\| (\d[\d.]*-\d+) \|/gm)].map(([, id]) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  }
});

test('every statement that a test cites is there', () => {
  const known = new Set(rows.map(({ id }) => id));
  const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'));
  const cited = files.flatMap((name) =>
    [...read(`./${name}`).matchAll(/\[MQTT-(\d[\d.]*-\d+)\]/g)].map(([, id]) => id),
  );
  expect(cited.length).toBeGreaterThan(50);
  expect(cited.filter((id) => !known.has(id))).toEqual([]);
});
