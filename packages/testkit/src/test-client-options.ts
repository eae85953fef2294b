import type { Codec, RequestFrame, Resume, UserId } from '@callboard/protocol';

export interface TestClientOptions {
  readonly userId?: UserId;
  readonly token?: string;
  readonly device?: string;
  /** Comes back as the client that had this session: see `TestClient.resumption`. */
  readonly resume?: Resume;
  /** Answers pings by itself. Default true. */
  readonly answersPings?: boolean;
  /** Says in each request up to which `mid` all are settled, as a real client does. Default false. */
  readonly confirms?: boolean;
  /**
   * Where time is simulated: lets everything happen that is due, before an expectation looks. An expectation that is
   * not met then fails at once; without this it waits for what may yet arrive, `timeoutMs` at most.
   */
  readonly settle?: () => Promise<void>;
  /** For expectations without `settle`, in real milliseconds. Default 15,000. */
  readonly timeoutMs?: number;
  /** Default: JSON. */
  readonly codec?: Codec;
}

type Fields<Frame> = Frame extends RequestFrame ? Omit<Frame, 'mid'> & { readonly mid?: number } : never;
/** A request, whose `mid` may be left out. */
export type RequestFields = Fields<RequestFrame>;
