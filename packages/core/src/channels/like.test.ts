import { describe, expect, test } from '@jest/globals';
import { channelsLike } from './like.ts';
import type { ChannelRequest } from './policy.ts';

function asks(channel: string, id = 'ada', device: string | undefined = 'd1'): ChannelRequest {
  return { user: { id }, client: { device }, channel } as ChannelRequest;
}

describe('channels like a pattern', () => {
  const mine = channelsLike('tele/%u/#', 'cmnd/%u/%c/+', 'all');

  test.each<[string, boolean]>([
    ['tele/ada', true],
    ['tele/ada/x/y', true],
    ['tele/eve/x', false],
    ['cmnd/ada/d1/POWER', true],
    ['cmnd/ada/d2/POWER', false],
    ['cmnd/ada/d1', false],
    ['all', true],
    ['other', false],
  ])('%s: %s', (channel, fits) => expect(mine(asks(channel))).toBe(fits));

  test.each<[string, boolean]>([
    ['tele/ada/#', true],
    ['tele/ada/+/x', true],
    ['tele/+/x', false],
    ['tele/#', false],
    ['#', false],
    ['cmnd/ada/d1/+', true],
    ['cmnd/ada/d1/#', false],
    ['cmnd/ada/+/POWER', false],
  ])('are all that the filter %s fits: %s', (filter, fits) => expect(mine(asks(filter))).toBe(fits));

  test.each(['+', '#', 'a/b', '/', 'ada/#', 'x+', 'a\0b', ''])(
    'are none of who is named %j, or comes by a device of that name',
    (name) => {
      for (const channel of ['tele/ada', 'tele/eve', 'tele/a/b', 'tele/+', 'tele/x/#', 'cmnd/ada/d1/POWER']) {
        expect(channelsLike('tele/%u/#')(asks(channel, name))).toBe(false);
        expect(channelsLike('cmnd/ada/%c/+')(asks(channel, 'ada', name))).toBe(false);
      }
    },
  );

  test('are none of a client that names no device, and marks in names are not filled in', () => {
    expect(channelsLike('cmnd/%c')({ ...asks('cmnd/d1'), client: {} } as ChannelRequest)).toBe(false);
    expect(channelsLike('%u/%c')(asks('d1/d1', '%c'))).toBe(false);
    expect(channelsLike('%u/%c')(asks('%c/d1', '%c'))).toBe(true);
    expect(channelsLike('%u/a')(asks('$SYS/a', '$SYS'))).toBe(false);
    expect(channelsLike('%u/a')(asks('a', 'a'.repeat(300)))).toBe(false);
  });

  test('are said at once to be none', () => {
    expect(() => channelsLike('a', 'tele/#/%u')).toThrow(TypeError);
  });
});
