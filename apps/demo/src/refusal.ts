/** Why a request is refused: its status, and what people are told. */
const refusals = {
  INVALID: [400, 'That is not what this route understands.'],
  PAST_START: [400, 'It would have begun already.'],
  NO_PASS: [401, 'Sign in first.'],
  WRONG: [401, 'E-mail and password do not go together.'],
  NOT_YOURS: [403, 'That is somebody else’s.'],
  OF_THE_HOUSE: [403, 'The company’s names, e-mails and passwords stay as they are.'],
  NOT_FOUND: [404, 'There is nothing here.'],
  NAME_TAKEN: [409, 'Somebody has that name already.'],
  EMAIL_TAKEN: [409, 'Somebody has signed up with that e-mail already.'],
  OWN_EVENT: [409, 'It is your own.'],
  OVER: [409, 'It has begun.'],
  TOO_MANY_EVENTS: [409, 'You have posted as many as one may.'],
  TOO_MANY_SUBSCRIPTIONS: [409, 'You are down for as many as one may.'],
  STALE: [412, 'It was changed meanwhile: read it again.'],
  TOO_LARGE: [413, 'That is too much.'],
  UNSUPPORTED_TYPE: [415, 'JSON alone is understood.'],
  WRONG_HOST: [421, 'For this machine only.'],
  NO_VERSION: [428, 'Say with If-Match which version you change.'],
  TOO_OFTEN: [429, 'That was a little fast.'],
  FAILED: [500, 'Something went wrong behind the curtain.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type RefusalCode = keyof typeof refusals;
const refusalCodes = Object.keys(refusals) as RefusalCode[];

/** What a route answers with instead: the status, and `{ error: { code, message } }`, the one envelope of all errors. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly statusCode: number;

  /** @param message Default: that of the code. */
  constructor(code: RefusalCode, message: string = refusals[code][1]) {
    super(message);
    this.code = code;
    this.statusCode = refusals[code][0];
  }

  get envelope() {
    return { error: { code: this.code, message: this.message } };
  }
}

/** What Fastify and its plugins refuse, by its status. */
export function refusalOf(statusCode: number, message: string): Refusal {
  const code = refusalCodes.find((each) => refusals[each][0] === statusCode) ?? 'INVALID';
  return code === 'INVALID' ? new Refusal(code, message) : new Refusal(code);
}
