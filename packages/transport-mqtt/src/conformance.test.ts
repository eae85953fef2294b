import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

/** CONFORMANCE.md: it has all that the specifications state, and the tests that it names are there. */

const here = new URL('.', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, here), 'utf8');
const [, five, old] = read('../CONFORMANCE.md').split(/^## /m) as [string, string, string];

interface Row {
  readonly id: string;
  readonly covered: string;
}

function rowsOf(half: string): Row[] {
  return [...half.matchAll(/^\| (\d[\d.]*-\d+) \| .*? \| (.*) \|$/gm)].map(([, id = '', covered = '']) => ({
    id,
    covered,
  }));
}

/** By section, the number of the last statement of appendix B. MQTT 5 has no 2.2.1-1. */
const statements: [string, half: string, last: string][] = [
  [
    'MQTT 5.0',
    five,
    `1.5.4-3 1.5.5-1 1.5.7-1 2.1.3-1 2.2.1-6 2.2.2-1 3.1.0-2 3.1.2-30 3.1.3-12 3.1.4-6 3.2.0-2 3.2.2-22 3.3.1-13 3.3.2-20
    3.3.4-10 3.4.2-3 3.5.2-3 3.6.1-1 3.6.2-3 3.7.2-3 3.8.1-1 3.8.3-5 3.8.4-8 3.9.2-2 3.9.3-2 3.10.1-1 3.10.3-2 3.10.4-6
    3.11.2-2 3.11.3-2 3.12.4-1 3.14.0-1 3.14.1-1 3.14.2-4 3.14.4-3 3.15.1-1 3.15.2-3 4.1.0-2 4.2.0-1 4.3.1-1 4.3.2-5
    4.3.3-13 4.4.0-2 4.5.0-2 4.6.0-6 4.7.0-1 4.7.1-2 4.7.2-1 4.7.3-4 4.8.2-6 4.9.0-3 4.12.0-7 4.12.1-2 4.13.1-1 4.13.2-1
    6.0.0-4 7.0.0-2 7.1.1-1 7.1.2-1`,
  ],
  [
    'MQTT 3.1.1',
    old,
    `1.5.3-3 2.2.2-2 2.3.1-7 3.1.0-2 3.1.2-24 3.1.3-11 3.1.4-5 3.2.0-1 3.2.2-6 3.3.1-12 3.3.2-3 3.3.4-1 3.3.5-2 3.6.1-1
    3.8.1-1 3.8.3-4 3.8.4-6 3.9.3-2 3.10.1-1 3.10.3-2 3.10.4-6 3.12.4-1 3.14.1-1 3.14.4-3 4.1.0-2 4.3.1-1 4.3.2-2 4.3.3-2
    4.4.0-1 4.5.0-2 4.6.0-6 4.7.1-3 4.7.2-1 4.7.3-4 4.8.0-2 6.0.0-4 7.0.0-2 7.1.1-1 7.1.2-1`,
  ],
];

function allUpTo(last: string): string[] {
  return last.split(/\s+/).flatMap((each) => {
    const [section, count] = each.split('-');
    return Array.from({ length: Number(count) }, (_, i) => `${section}-${i + 1}`);
  });
}

describe.each(statements)('%s', (_, half, last) => {
  test('each statement is there once, for servers or for clients alone', () => {
    const forClients = /^For clients alone: (.+)\.$/m.exec(half)?.[1]?.split(', ') ?? [];
    const ids = [...rowsOf(half).map(({ id }) => id), ...forClients];
    expect(half).toContain(half === five ? 'MQTT 5.0' : 'MQTT 3.1.1');
    expect(ids.sort()).toEqual(
      allUpTo(last)
        .filter((id) => half === old || id !== '2.2.1-1')
        .sort(),
    );
  });

  test('every test that is named is there, and one alone of that name, or why there is none', () => {
    const missing = rowsOf(half).filter(({ covered }) => {
      const [, file, title] = /^`(.+\.test\.ts)`: “(.+)”$/.exec(covered) ?? [];
      if (file === undefined) return !/^not there: \S/.test(covered);
      return !existsSync(new URL(file, here)) || read(file).split(`'${title}'`).length !== 2;
    });
    expect(missing).toEqual([]);
  });
});

test('every statement that a test cites is there', () => {
  const known = new Set([five, old].flatMap(rowsOf).map(({ id }) => id));
  const files = readdirSync(here, { recursive: true }).filter((name) => String(name).endsWith('.test.ts'));
  const cited = files.flatMap((name) =>
    [...read(String(name)).matchAll(/\[MQTT-(\d[\d.]*-\d+)\]/g)].map(([, id]) => id as string),
  );
  expect(cited.length).toBeGreaterThan(10);
  expect(cited.filter((id) => !known.has(id))).toEqual([]);
});
