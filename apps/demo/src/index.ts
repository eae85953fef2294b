import { consoleLogger } from '@callboard/core';
import { createDemo } from './demo.ts';
import { ifFree } from './free-port.ts';
import { type Settings, settingsOf } from './settings.ts';
import { SPARE } from './shared/devices.ts';
import { spareCommand } from './shared/spare-command.ts';
import { SimulatorProcess } from './simulator-process.ts';

const settings = readSettings();
const wanted = settings.port;
const logger = consoleLogger({ level: 'warn' });
const mqttPort = await ifFree(1883);
const demo = await createDemo({ ...settings, mqttPort, firstNotices: true, logger }).catch((error: Error) =>
  fail(`The database cannot be opened: ${error.message}`),
);
const port = await demo.start().catch((error: NodeJS.ErrnoException) => {
  const { code } = error;
  if (code === 'EADDRINUSE')
    fail(`Port ${wanted} is taken. Choose another one, or 0 for any: PORT=0 npm start`);
  if (code === 'EACCES')
    fail(`Port ${wanted} is not for everybody. Choose one above 1023: PORT=4001 npm start`);
  throw error;
});
const spare = { port: demo.mqttPort, userName: SPARE, token: await demo.passes.issue(SPARE) };
console.log(`
  Callboard's demo:  http://127.0.0.1:${port}/

  The box office of a small theatre, for this machine only.
  Open it in two or three tabs. Ctrl+C stops it.
  Its REST API:      http://127.0.0.1:${port}/docs

  Devices come in by MQTT on port ${demo.mqttPort}. With Mosquitto's client you are one, in the prompt corner:
  ${spareCommand(spare)}
`);
if (settings.broker !== undefined)
  console.log('  The devices of the house are those of the broker: none are simulated.\n');
const devices =
  settings.broker === undefined
    ? new SimulatorProcess({ port: demo.mqttPort, passes: demo.passes, logger })
    : undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    devices?.stop();
    demo.stop({ graceMs: 1_000 }).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

function readSettings(): Settings {
  try {
    return settingsOf(process.env);
  } catch (error) {
    return fail((error as RangeError).message);
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
