import { createServer } from 'node:http';
import type { TransportHost } from '@callboard/core';
import { transportSuite } from '@callboard/testkit';
import { describe, test } from '@jest/globals';
import { LiveClock, Stage, turn, until } from '../test/support.ts';
import { HttpWire, type Mode } from '../test/wire.ts';
import { httpTransport } from './index.ts';

/** A GET that breaks off before it brought frames may come again: the end of a link that was cut is that of a time. */
async function openWire(url: string, mode: Mode, clock: LiveClock): Promise<HttpWire> {
  const wire = await HttpWire.open(url, mode);
  const cut = wire.cut.bind(wire);
  wire.cut = () => {
    cut();
    void passes(clock);
  };
  return wire;
}

/** Longer than a client may be without a GET, in steps: the server sees at some time that the last one broke off. */
async function passes(clock: LiveClock): Promise<void> {
  for (let i = 0; i < 100; i++) {
    clock.advance(1_000);
    await turn();
  }
}

describe.each(['stream', 'poll'] as const)('with a %s', (mode) => {
  transportSuite(
    'httpTransport',
    async () => {
      const stage = new Stage();
      const clock = new LiveClock();
      const http = createServer();
      const port = await stage.listen(http);
      let onRequest: Parameters<TransportHost['onRequest']>[1] | undefined;
      let gets = 0;
      http.on('request', (request, response) => {
        if (request.method === 'GET') gets++;
        onRequest?.(request, response, {
          refusal: undefined,
          admit: () => ({
            transport: 'http',
            address: request.socket.remoteAddress as string,
            secure: false,
            headers: request.headers,
            query: new URLSearchParams(),
          }),
        });
      });
      return {
        transport: httpTransport(),
        connect: async () => {
          const before = gets;
          const wire = await openWire(`http://127.0.0.1:${port}/callboard`, mode, clock);
          await until(() => gets > before, 'the GET');
          return wire;
        },
        onRequest: (_path, listener) => {
          onRequest = listener;
        },
        clock,
        close: () => stage.end(),
      };
    },
    { describe, test },
  );
});
