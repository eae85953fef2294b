import { isChannel, isFilter } from '@callboard/protocol';

/** Whether a topic name is well formed [MQTT-4.7.3-1] [MQTT-3.3.2-2]; it need not be one that a channel may have. */
export function isTopic(topic: string): boolean {
  return topic.length > 0 && !/[+#\0]/.test(topic);
}

/** Whether a topic filter is well formed [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]. */
export function isTopicFilter(filter: string): boolean {
  return filter.length > 0 && !/[^/][+#]|\+[^/]|#./.test(filter);
}

/** Whether Callboard has channels by this filter; `$…` it has none. */
export function isSubscribable(filter: string): boolean {
  return isChannel(filter) || isFilter(filter);
}

/** Whether a topic fits a filter (section 4.7). */
export function fits(topic: string, filter: string): boolean {
  const [names, levels] = [topic.split('/'), filter.split('/')];
  for (const [i, level] of levels.entries()) {
    if (level === '#') return true;
    if (names[i] === undefined || (level !== '+' && level !== names[i])) return false;
  }
  return names.length === levels.length;
}
