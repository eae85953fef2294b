import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Logger, Plugin, Server } from '@callboard/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Refusal } from './refusal.ts';
import { errors, jsonSchema } from './schemas.ts';
import type { BoxOfficeContract } from './shared/contract.ts';
import { CLOCK_CHANNEL, type TheatreClock, timeSteps } from './shared/theatre-clock.ts';
import type { Door } from './signed-in.ts';

const MOST_AHEAD_MS = 366 * timeSteps.day;

/** The plugin with another clock than its server has: connections go on by that of the machine. */
export function byClock<const Name extends string, Api>(
  plugin: Plugin<Name, Api>,
  theatre: TheatreClock,
): Plugin<Name, Api> {
  return {
    name: plugin.name,
    setup(context) {
      const clock: Clock = {
        now: () => theatre.now(),
        setTimeout: (task, ms) => theatre.setTimeout(task, ms),
        clearTimeout: (timer) => theatre.clearTimeout(timer),
        endOfTurn: (task) => context.clock.endOfTurn(task),
      };
      return plugin.setup({ ...context, clock });
    },
  };
}

/** Tells all pages how far it is ahead, now and whenever it is moved on. */
export function tellTime(server: Server<BoxOfficeContract>, clock: TheatreClock, logger: Logger): void {
  const tell = () => {
    server.publish(CLOCK_CHANNEL, { aheadMs: clock.get() }).catch((cause: unknown) => {
      logger.error('pages were not told the time', { cause });
    });
  };
  server.events$.subscribe(({ type }) => {
    if (type === 'SERVER_STARTED') tell();
  });
  clock.subscribe(tell);
}

const PATIENCE_MS = 1_000;

const step = z.strictObject({ by: z.enum(['hour', 'day']) });
const time = z.object({ aheadMs: z.int() });

export interface ClockRoutesOptions {
  readonly clock: TheatreClock;
  /** Whether something is under way by it: that would find that it had taken an hour. */
  readonly isBusy: () => boolean;
  readonly door: Door;
}

/** For demos alone: production has no such route. */
export async function clockRoutes(
  app: FastifyInstance,
  { clock, isBusy, door }: ClockRoutesOptions,
): Promise<void> {
  app.post<{ Body: z.infer<typeof step> }>(
    '/clock',
    {
      schema: {
        ...{
          tags: ['theatre'],
          security: [{ pass: [] }],
          summary: 'Let an hour or a day pass; in the demo alone',
        },
        ...{ body: jsonSchema(step), response: { 200: jsonSchema(time, 'output'), ...errors } },
      },
    },
    async (request) => {
      await door.signedIn(request);
      for (const deadline = Date.now() + PATIENCE_MS; isBusy() && Date.now() < deadline; ) await turn();
      const aheadMs = clock.get() + timeSteps[request.body.by];
      if (aheadMs > MOST_AHEAD_MS) throw new Refusal('INVALID', 'That is more than a year ahead.');
      clock.set(aheadMs);
      return { aheadMs };
    },
  );
}
