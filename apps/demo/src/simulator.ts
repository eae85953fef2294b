import mqtt, { type MqttClient } from 'mqtt';
import {
  BOARD,
  channelOfLight,
  channelOfSensor,
  type DeviceId,
  LIGHT_COMMANDS,
  type LightId,
  lights,
  READING_EVERY_MS,
  type Sensor,
  SPARE,
  sensors,
} from './shared/devices.ts';
import { SimulatedHouse } from './simulated-house.ts';
import type { SimulatorOrders } from './simulator-process.ts';

// A process of its own: the house's devices, which know a broker, a user name and a token, and nothing of Callboard.

process.once('message', ({ port, tokens }: SimulatorOrders) => begin(port, tokens));
// It ends with the server: not before, where Ctrl+C is for both.
process.once('disconnect', () => process.exit());
process.on('SIGINT', () => {});

function begin(port: number, tokens: SimulatorOrders['tokens']): void {
  const house = new SimulatedHouse();
  const simulated = sensors.flatMap((sensor) => {
    const token = tokens[sensor.device];
    return token === undefined ? [] : [{ sensor, client: connect(port, sensor.device, token) }];
  });
  for (const { sensor, client } of simulated) {
    client.on('connect', () => tell(client, sensor, house));
    if (sensor.device === BOARD) runBoard(client, sensor, house);
  }
  setInterval(() => {
    house.step();
    for (const { sensor, client } of simulated) tell(client, sensor, house);
  }, READING_EVERY_MS);
}

/** The board does what it is told, and says how each light is then. */
function runBoard(client: MqttClient, sensor: Sensor, house: SimulatedHouse): void {
  const say = (light: LightId) =>
    client.publish(channelOfLight(light), house.lights[light], { qos: 1, retain: true });
  client.on('connect', () => {
    for (const { id } of lights) say(id);
  });
  client.subscribe(LIGHT_COMMANDS, { qos: 1 });
  client.on('message', (topic, payload) => {
    const light = lights.find(({ id }) => topic === `lights/${id}/set`)?.id;
    const to = payload.toString();
    if (light === undefined || (to !== 'on' && to !== 'off')) return;
    house.set(light, to);
    say(light);
    tell(client, sensor, house);
  });
}

function tell(client: MqttClient, sensor: Sensor, { readings }: SimulatedHouse): void {
  // What nobody could be told at the time is of no use later; and the spare one is nobody's to simulate.
  if (client.connected && sensor.device !== SPARE)
    client.publish(channelOfSensor(sensor), String(readings[sensor.device]));
}

function connect(port: number, device: DeviceId, token: string): MqttClient {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocolVersion: 4,
    clientId: device,
    username: device,
    password: token,
    reconnectPeriod: 1_000,
  });
  // Refused (section 3.2.2.3): the token has run out, and the next process is given another one.
  client.on('error', (error) => 'code' in error && typeof error.code === 'number' && process.exit(1));
  return client;
}
