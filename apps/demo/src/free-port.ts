import { once } from 'node:events';
import { createServer } from 'node:net';

/** The port where it is free on 127.0.0.1, else 0: any one that is. */
export async function ifFree(port: number): Promise<number> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
  } catch {
    return 0;
  }
  probe.close();
  await once(probe, 'close');
  return port;
}
