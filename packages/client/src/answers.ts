/** What is made of the results of requests about channels; undefined where a result is none, which costs the connection. */

import { fromWire, type PublicationFields, type Published, type StreamState } from '@callboard/protocol';
import type { HistoryPage } from './api.ts';
import { isObject, isPosition, isPublication, isStreams, isText } from './shapes.ts';

/** Where the subscription begins. */
export function subscribed(name: string, result: unknown): StreamState | undefined {
  const streams = isObject(result) && result.streams;
  return isStreams(streams) && Object.hasOwn(streams, name) ? streams[name] : undefined;
}

export function published(result: unknown = { outcome: 'published' }): Published | undefined {
  return isObject(result) && isText(result.outcome) ? (result as unknown as Published) : undefined;
}

export function historyPage(channel: string, result: unknown): HistoryPage | undefined {
  if (!isObject(result)) return undefined;
  const { publications, position, before } = result;
  if (!isPosition(position) || (before !== undefined && !isPosition(before))) return undefined;
  if (!Array.isArray(publications) || !publications.every((each) => isObject(each) && isPublication(each)))
    return undefined;
  return {
    publications: (publications as readonly PublicationFields[]).map(({ offset, data, ...rest }) => ({
      ...rest,
      channel,
      position: { epoch: position.epoch, offset },
      data: fromWire(data),
      retained: false,
    })),
    position,
    before,
  };
}
