import * as protocol from '@callboard/protocol';
import { expect, test } from '@jest/globals';
import { comesBack, waitMs } from './coming-back.ts';

test('the page, which has this by hand, reads close codes as the protocol package does', () => {
  for (let code = 1000; code < 5000; code++) {
    expect([code, comesBack(code)]).toEqual([code, protocol.comesBack(code)]);
  }
});

test('waits anything up to a bound that doubles, and grows no more from 20 s on', () => {
  const bounds = [0, 1, 2, 5, 6, 60].map((failed) => waitMs(failed, () => 1));
  expect(bounds).toEqual([500, 1_000, 2_000, 16_000, 20_000, 20_000]);
  expect(waitMs(3, () => 0)).toBe(0);
});
