import { fileURLToPath } from 'node:url';
import type { DemoOptions } from './demo.ts';

/** Beside src/ and dist/ alike. */
const dataFolder = fileURLToPath(new URL('../data', import.meta.url));

export type Settings = Pick<
  DemoOptions,
  | 'port'
  | 'broker'
  | 'redis'
  | 'secret'
  | 'production'
  | 'database'
  | 'limits'
  | 'requestsPerSecond'
  | 'origins'
>;

/** What the environment says. @throws RangeError with what is wrong with it, for people */
export function settingsOf(env: Readonly<Record<string, string | undefined>>): Settings {
  const { JWT_SECRET: secret, NODE_ENV, DATABASE_URL: database = dataFolder, CORS_ORIGINS = '' } = env;
  const { CALLBOARD_BROKER: broker, REDIS_URL: redis } = env;
  if (broker !== undefined && !/^(mqtt|ws)s?:\/\/./.test(broker))
    throw new RangeError(`CALLBOARD_BROKER is no broker: ${broker}`);
  // There may be a password in it: it is not said again.
  if (redis !== undefined && !(/^rediss?:\/\/./.test(redis) && URL.canParse(redis)))
    throw new RangeError('REDIS_URL is no Redis, as in redis://127.0.0.1:6379');
  const production = NODE_ENV === 'production';
  if (production && secret === undefined)
    throw new RangeError('In production JWT_SECRET has to be given: 32 bytes or more that nobody knows.');
  if (secret !== undefined && Buffer.byteLength(secret) < 32)
    throw new RangeError('JWT_SECRET needs 32 bytes or more.');
  const number = (name: string, otherwise: number, most = 1_000_000, least = 1) => {
    const given = env[name] ?? String(otherwise);
    const value = /^\d{1,7}$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new RangeError(`${name} is no number from ${least} to ${most}: ${given}`);
    return value;
  };
  return {
    port: number('PORT', 4001, 65_535, 0),
    ...(broker !== undefined && { broker }),
    ...(redis !== undefined && { redis }),
    ...(secret !== undefined && { secret }),
    production,
    database,
    limits: { eventsEach: number('EVENTS_EACH', 5), subscriptionsEach: number('SUBSCRIPTIONS_EACH', 10) },
    requestsPerSecond: number('REQUESTS_PER_SECOND', 20),
    origins: CORS_ORIGINS.split(',')
      .filter((origin) => origin !== '')
      .map(originOf),
  };
}

function originOf(text: string): string {
  const origin = URL.canParse(text.trim()) ? new URL(text.trim()).origin : 'null';
  if (origin === 'null' || origin !== text.trim())
    throw new RangeError(`CORS_ORIGINS has no origin, as in https://app.example: ${text}`);
  return origin;
}
