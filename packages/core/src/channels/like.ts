import { isChannel, isFilter } from '@callboard/protocol';
import { Pattern } from './pattern.ts';
import type { ChannelRequest } from './policy.ts';

/**
 * A check for `canSubscribe` and `canPublish`: channels, and with `filters` filters, that one of the patterns covers, for
 * who it is: `%u` stands for the user's id, `%c` for the client's device (of an MQTT device: its client id; what a client says of
 * itself, so leave it to `verifyClient` who may say what). A value that is empty or contains `+`, `#` or `/` fits nothing.
 *
 * `canPublish: channelsLike('tele/%u/#')`
 *
 * @throws TypeError where a pattern is none.
 */
export function channelsLike(...patterns: readonly string[]): (request: ChannelRequest) => boolean {
  for (const pattern of patterns)
    if (filled(pattern, 'x', 'x') === undefined) throw new TypeError(`not a pattern: ${pattern}`);
  return ({ user, client, channel }) => {
    if (!isPattern(channel)) return false;
    const asked = new Pattern(channel);
    return patterns.some((pattern) => {
      const text = filled(pattern, user.id, client.device);
      return text !== undefined && new Pattern(text).covers(asked);
    });
  };
}

/** Undefined where a value would be more than a part of a level, or makes it no pattern. */
function filled(pattern: string, userId: string, device: string | undefined): string | undefined {
  let fits = true;
  const text = pattern.replace(/%[uc]/g, (mark) => {
    const value = mark === '%u' ? userId : device;
    if (value !== undefined && /^[^+#/\0]+$/.test(value)) return value;
    fits = false;
    return '';
  });
  return fits && isPattern(text) ? text : undefined;
}

function isPattern(text: string): boolean {
  return isChannel(text) || isFilter(text);
}
