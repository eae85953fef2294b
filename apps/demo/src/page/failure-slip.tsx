import type { Failure } from './failure.ts';

interface FailureSlipProps {
  readonly failure: Failure;
  readonly retry: (() => void) | undefined;
  /** Absent where the failure stays until it is mended. */
  readonly forget?: () => void;
}

/** What is known of a send that failed, and what can be done. */
export function FailureSlip({ failure, retry, forget }: FailureSlipProps) {
  return (
    <div className="slip" role="alert">
      <p className="over">{failure.code.replaceAll('_', ' ')}</p>
      <p>{failure.text}</p>
      <p className="row">
        {retry && (
          <button type="button" className="button small-button" onClick={retry}>
            Try again
          </button>
        )}
        {forget && (
          <button type="button" className="link" onClick={forget}>
            Leave it
          </button>
        )}
      </p>
    </div>
  );
}
