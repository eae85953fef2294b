interface FormFootProps {
  readonly submitText: string;
  readonly busy: boolean;
  /** Why it was not taken. */
  readonly trouble: string | undefined;
  /** Absent where there is nothing to leave as it is. */
  readonly cancel?: (() => void) | undefined;
}

/** The end of a form: what sends it, and what became of that. */
export function FormFoot({ submitText, busy, trouble, cancel }: FormFootProps) {
  return (
    <>
      <p className="row">
        <button type="submit" className="button" aria-disabled={busy}>
          {submitText}
        </button>
        {cancel && (
          <button type="button" className="link" onClick={cancel}>
            Leave it as it is
          </button>
        )}
      </p>
      <p className="trouble" role="alert">
        {trouble}
      </p>
    </>
  );
}
