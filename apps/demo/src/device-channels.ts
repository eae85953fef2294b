import type { ChannelPolicies } from '@callboard/core';
import { type MqttBroker, mqttTransport } from '@callboard/transport-mqtt';
import {
  BOARD,
  channelOfLight,
  channelOfSensor,
  commandOfLight,
  KEPT_MS,
  LIGHT_COMMANDS,
  LIGHTS,
  lights,
  READING_EVERY_MS,
  SENSORS,
  sensors,
} from './shared/devices.ts';

/**
 * The channels on which the house's devices and the pages meet. A device tells what it reads itself, and nothing else; people
 * command the lights; the lighting board alone says how they are.
 */
export function devicePolicies(isPerson: (userId: string) => boolean): ChannelPolicies {
  const readingsOf = new Map<string, string>(sensors.map((each) => [channelOfSensor(each), each.device]));
  const states = new Set<string>(lights.map(({ id }) => channelOfLight(id)));
  const commands = new Set<string>(lights.map(({ id }) => commandOfLight(id)));
  return {
    [SENSORS]: {
      payload: 'number',
      retain: true,
      history: { size: KEPT_MS / READING_EVERY_MS + 30, ttlMs: KEPT_MS },
      maxPerSecond: 5,
      filters: true,
      canSubscribe: () => true,
      canPublish: ({ user, channel }) => readingsOf.get(channel) === user.id,
    },
    [LIGHTS]: {
      retain: true,
      filters: true,
      canSubscribe: () => true,
      canPublish: ({ user, channel }) => user.id === BOARD && states.has(channel),
    },
    [LIGHT_COMMANDS]: {
      filters: true,
      canSubscribe: ({ user }) => user.id === BOARD,
      canPublish: ({ user, channel }) => isPerson(user.id) && commands.has(channel),
    },
  };
}

/** A broker that devices of the house are at: it says what they read and how the lights are, and is told what people command. */
export function houseBroker(broker: string): MqttBroker {
  return mqttTransport({
    broker,
    clientId: 'callboard-box-office',
    topics: [
      { filter: SENSORS, direction: 'in' },
      { filter: LIGHTS, direction: 'in' },
      { filter: LIGHT_COMMANDS, direction: 'out' },
    ],
  });
}
