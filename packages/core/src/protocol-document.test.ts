import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { Admission, type AdmissionOptions } from './admission.ts';
import { defaultLimits } from './limits.ts';

/** What PROTOCOL.md says of the server's limits and of the upgrade; packages/protocol has the rest. */

const protocol = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');

/** The rows of the first table below a heading, without backticks. */
function table(heading: string): string[][] {
  const [, after = ''] = protocol.split(`\n${heading}\n`);
  const [first = ''] = after.match(/(^\|.*\n)+/m) ?? [];
  return first
    .trim()
    .split('\n')
    .slice(2)
    .map((row) => row.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

describe('limits', () => {
  const rows = table('## Limits').map(([name = '', value = '', announced = '']) => ({
    name,
    value,
    announced,
  }));

  test('have the defaults that are documented', () => {
    const documented = rows.map(({ name, value }) => [
      name,
      Number(/^[\d,]+/.exec(value)?.[0].replaceAll(',', '')),
    ]);
    expect(Object.fromEntries(documented)).toEqual(defaultLimits);
  });

  test('are announced where that is documented', async () => {
    const { connect } = await createHarness();
    const { limits, ...connected } = (await connect(44)).connected;
    const announced = [
      ...Object.keys(limits),
      ...Object.keys(connected).filter((name) => name.endsWith('Ms')),
    ];
    const documented = rows.filter((row) => row.announced === 'yes').map(({ name }) => name);
    expect(announced.sort()).toEqual(documented.sort());
  });
});

test('an upgrade is checked in the order that is documented', () => {
  const hostile: AdmissionOptions = {
    origins: ['https://app.example'],
    requireSecure: true,
    trustProxy: false,
    loopbackOnly: true,
    maxConnectionsPerAddress: 0,
    maxConnectsPerSecond: 1,
    clock: { now: () => 0 },
  };
  const request = {
    headers: { origin: 'https://evil.example' },
    socket: { remoteAddress: '192.0.2.1' },
    url: '/',
  };
  const refusals: string[][] = [];
  const lenient: Partial<AdmissionOptions>[] = [
    {},
    { loopbackOnly: false },
    { origins: ['https://evil.example'] },
    { requireSecure: false },
  ];
  let options = hostile;
  for (const change of lenient) {
    options = { ...options, ...change };
    const refusal = new Admission(options).admit(request as unknown as IncomingMessage, 'test');
    if ('status' in refusal) refusals.push([String(refusal.status), refusal.code]);
  }
  const [path, running, ...documented] = table('### Upgrade').map(([, status, code]) => [status, code]);
  expect([path, running]).toEqual([
    ['404', 'NOT_FOUND'],
    ['503', 'UNAVAILABLE'],
  ]);
  expect(refusals).toEqual(documented);
});
