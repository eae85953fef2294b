/** What hangs in the house and tells something over MQTT. Each connects with its id as the user name. */
export const sensors = [
  { device: 'stage', kind: 'temperature', place: 'The stage', name: 'The stage thermometer' },
  { device: 'house', kind: 'temperature', place: 'The stalls', name: 'The thermometer in the stalls' },
  { device: 'foyer', kind: 'people', place: 'The foyer door', name: 'The foyer door' },
  { device: 'board', kind: 'watts', place: 'The lighting board', name: 'The lighting board' },
  { device: 'spare', kind: 'temperature', place: 'The spare', name: 'The spare thermometer' },
] as const;

/** What the lighting board switches. */
export const lights = [
  { id: 'footlights', name: 'Footlights' },
  { id: 'limelight', name: 'Limelight' },
  { id: 'ghost', name: 'Ghost light' },
] as const;

export type Sensor = (typeof sensors)[number];
export type DeviceId = Sensor['device'];
export type SensorKind = Sensor['kind'];
export type LightId = (typeof lights)[number]['id'];
export type Switch = 'on' | 'off';

/** The one that answers for the lights. */
export const BOARD = 'board' satisfies DeviceId;
/** The one that nobody simulates: it is for whoever has `mosquitto_pub`. */
export const SPARE = 'spare' satisfies DeviceId;

/** All of them, as filters. */
export const SENSORS = 'sensors/+/+';
export const LIGHTS = 'lights/+';
export const LIGHT_COMMANDS = 'lights/+/set';

/** The channel of what a sensor tells. */
export const channelOfSensor = <D extends DeviceId, K extends SensorKind>(sensor: {
  readonly device: D;
  readonly kind: K;
}): `sensors/${D}/${K}` => `sensors/${sensor.device}/${sensor.kind}`;
/** Where the board says how a light is. */
export const channelOfLight = <L extends LightId>(light: L): `lights/${L}` => `lights/${light}`;
/** Where it is told how it should be. */
export const commandOfLight = <L extends LightId>(light: L): `lights/${L}/set` => `lights/${light}/set`;

export const isDevice = (userId: string): boolean => sensors.some(({ device }) => device === userId);

/** For how long readings are kept, in milliseconds. */
export const KEPT_MS = 180_000;
/** How often a sensor tells what it reads, in milliseconds. */
export const READING_EVERY_MS = 2_000;
