import type { FastifyRequest } from 'fastify';

interface Versioned {
  /** Counts what was changed; being looked at is no change. */
  readonly version: number;
}

export const etagOf = ({ version }: Versioned): string => `W/"${version}"`;

/** Who asks has this version already, by their If-None-Match. */
export function isUnchanged({ headers }: FastifyRequest, found: Versioned): boolean {
  const tags = headers['if-none-match']?.split(',').map((tag) => tag.trim());
  return tags?.some((tag) => tag === '*' || tag.replace(/^W\//, '') === `"${found.version}"`) ?? false;
}
