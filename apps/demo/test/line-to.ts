import type { AddressInfo } from 'node:net';
import { silentLogger } from '@callboard/core';
import type { Demo } from '../src/demo.ts';

/** What `createClient` needs for somebody without a page, at a demo that is listening. @param token Default: a good one */
export async function lineTo(demo: Demo, userId: string, token?: string) {
  const { port } = demo.web.server.address() as AddressInfo;
  return {
    endPoint: `ws://127.0.0.1:${port}`,
    userId,
    token: token ?? (await demo.passes.issue(userId)),
    logger: silentLogger,
  };
}
