export { Mosquitto, mosquittoIsHere } from '../../../packages/transport-mqtt/test/mosquitto.ts';
