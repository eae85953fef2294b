import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TransportHost } from '@callboard/core';
import { transportSuite } from '@callboard/testkit';
import { describe, test } from '@jest/globals';
import { openWire, Stage } from '../test/support.ts';
import { webSocketTransport } from './index.ts';

transportSuite(
  'webSocketTransport',
  async () => {
    const stage = new Stage();
    const http = createServer();
    const port = await stage.listen(http);
    let onUpgrade: Parameters<TransportHost['onUpgrade']>[1] | undefined;
    http.on('upgrade', (request, socket, head) =>
      onUpgrade?.(request, socket, head, {
        transport: 'websocket',
        address: (socket as unknown as AddressInfo & { remoteAddress: string }).remoteAddress,
        secure: false,
        headers: request.headers,
        query: new URLSearchParams(),
      }),
    );
    return {
      transport: webSocketTransport(),
      connect: () => openWire(`ws://127.0.0.1:${port}/callboard`),
      onUpgrade: (_path, listener) => {
        onUpgrade = listener;
      },
      close: () => stage.end(),
    };
  },
  { describe, test },
);
