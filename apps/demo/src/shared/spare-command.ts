import { channelOfSensor } from './devices.ts';

export interface SpareThermometer {
  /** Where devices come in. */
  readonly port: number;
  readonly userName: string;
  readonly token: string;
}

/** What moves the spare thermometer's chart, at a terminal. */
export function spareCommand({ port, userName, token }: SpareThermometer): string {
  const topic = channelOfSensor({ device: 'spare', kind: 'temperature' });
  return `mosquitto_pub -h 127.0.0.1 -p ${port} -u ${userName} -P ${token} -t ${topic} -m 21.5`;
}
