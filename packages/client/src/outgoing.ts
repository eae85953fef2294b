import { isAction, ReplyError, toWire } from '@callboard/protocol';
import { guarded, Pipeline } from '@callboard/runtime';
import type { Outgoing, OutgoingOperator } from './plugin.ts';
import type { RequestOptions, Requests } from './requests.ts';

/** The way of an action or a publication to the server: through the plugins' operators, in this turn, and into the queue. */
export class OutgoingActions {
  readonly #requests: Requests;
  readonly #pipeline: Pipeline<Outgoing>;
  /** What became of that which passes now. */
  #passing: { passed?: Outgoing; failure?: unknown } = {};

  constructor(requests: Requests, operators: readonly OutgoingOperator[]) {
    this.#requests = requests;
    this.#pipeline = new Pipeline(
      operators.map((operator) =>
        guarded(operator, (failure) => {
          this.#passing.failure = failure ?? new Error('an operator failed');
        }),
      ),
      (body) => {
        this.#passing.passed = body;
      },
    );
  }

  send(body: Outgoing, options: RequestOptions): Promise<unknown> {
    const again = () => this.send(body, options);
    if (body.op !== 'publish' && !isAction(body.action))
      return this.#requests.refuse(body, notAnAction, again);
    const { passed, failure } = this.#pass(body);
    if (passed?.op === 'publish')
      return this.#requests.add({ ...passed, data: toWire(passed.data) }, options);
    if (passed !== undefined) return this.#requests.add(passed, options);
    const error = failure ? new ReplyError('PLUGIN_ERROR', { cause: failure }) : new ReplyError('REFUSED');
    return this.#requests.refuse(body, error, again);
  }

  /** An operator may send something itself: that passes within this. */
  #pass(body: Outgoing) {
    const outer = this.#passing;
    const passing: typeof outer = {};
    this.#passing = passing;
    this.#pipeline.push(body);
    this.#passing = outer;
    return passing;
  }
}

const notAnAction = new ReplyError('INVALID_ACTION', { message: 'An action is an object with a type.' });
