import { isPromise } from '@callboard/runtime';
import { type MemberMeta, refusal } from './contract.ts';
import { type ChannelPresencePolicy, defaultMaxMetaBytes } from './options.ts';

/** What a client said, as others may see it, and its bytes as JSON. */
export interface Said {
  readonly meta: MemberMeta;
  readonly bytes: number;
}

/** What the policy makes of what a client says. @throws ReplyError META_TOO_LARGE, INVALID_META with where and why. */
export function metaOf(meta: MemberMeta, policy: ChannelPresencePolicy): Said {
  const { maxMetaBytes = defaultMaxMetaBytes } = policy;
  const made = satisfying(meta, policy);
  const bytes = Buffer.byteLength(JSON.stringify(made));
  if (bytes > maxMetaBytes)
    throw refusal('META_TOO_LARGE', `It has ${bytes} bytes, and ${maxMetaBytes} at most.`);
  return { meta: made, bytes };
}

function satisfying(meta: MemberMeta, { meta: schema }: ChannelPresencePolicy): MemberMeta {
  if (schema === undefined) return meta;
  const result = schema['~standard'].validate(meta);
  if (isPromise(result)) throw new TypeError('a schema for what clients say answers at once');
  if (result.issues === undefined) return result.value as MemberMeta;
  const [issue] = result.issues;
  const place = issue?.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  throw refusal('INVALID_META', `${place ? `${place}: ` : ''}${issue?.message}`);
}
