import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { RestError } from '../rest.ts';

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly max: number;
  readonly min?: number;
  /** Default: as many lines as `rows`. */
  readonly type?: 'email' | 'password';
  /** More than one line; 1, the default, is an input. */
  readonly rows?: number;
  readonly required?: boolean;
  readonly autoComplete?: string;
  readonly value: string;
}

interface EditFormProps {
  /** With what they begin; what comes later does not take away what is being written. */
  readonly fields: readonly Field[];
  /** The version that is there now. */
  readonly version: number;
  readonly submitText: string;
  /** What it throws is shown. */
  readonly save: (values: Readonly<Record<string, string>>, version: number) => Promise<void>;
  readonly close: () => void;
}

/** A button, and in its place, once it was pressed, the form. The focus goes along. */
export function Editable({ text, ...form }: Omit<EditFormProps, 'close'> & { readonly text: string }) {
  const [isEditing, setEditing] = useState(false);
  const [wasEdited, setEdited] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (wasEdited && !isEditing) button.current?.focus();
  }, [wasEdited, isEditing]);
  const turn = (to: boolean) => {
    setEditing(to);
    setEdited(true);
  };
  if (isEditing) return <EditForm {...form} close={() => turn(false)} />;
  return (
    <button ref={button} type="button" className="button quiet" onClick={() => turn(true)}>
      {text}
    </button>
  );
}

/** Some lines that are changed together. Somebody else may be quicker: then who writes decides which of the two it is to be. */
function EditForm({ fields: begun, version, submitText, save, close }: EditFormProps) {
  const [fields] = useState(begun);
  // There may be two forms on a page.
  const prefix = useId();
  const base = useRef(version);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>('input, textarea')?.focus(), []);
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const given = new FormData(event.currentTarget);
    const values = Object.fromEntries(
      fields.map(({ name, type }) => {
        const value = String(given.get(name));
        return [name, type === 'password' ? value : value.trim()];
      }),
    );
    setBusy(true);
    setTrouble(undefined);
    try {
      await save(values, base.current);
      close();
    } catch (error) {
      const isStale = error instanceof RestError && error.code === 'STALE';
      if (isStale) base.current = version;
      setTrouble(isStale ? QUICKER : error instanceof RestError ? error.message : 'That did not work.');
      setBusy(false);
    }
  };
  return (
    <form ref={form} className="edit-form" autoComplete="off" onSubmit={(event) => void submit(event)}>
      {fields.map(({ name, label, min, max, type, rows = 1, required, autoComplete, value }) => {
        const id = `${prefix}${name}`;
        const props = {
          ...{ id, name, required, autoComplete },
          ...{ minLength: min, maxLength: max, defaultValue: value },
        };
        return (
          <div key={name} className="field">
            <label htmlFor={id}>{label}</label>
            {rows === 1 ? <input {...props} type={type} /> : <textarea {...props} rows={rows} />}
          </div>
        );
      })}
      <p className="row">
        <button type="submit" className="button" aria-disabled={busy}>
          {submitText}
        </button>
        <button type="button" className="link" onClick={close}>
          Leave it as it is
        </button>
      </p>
      <p className="trouble" role="alert">
        {trouble}
      </p>
    </form>
  );
}

const QUICKER =
  'Somebody was quicker: their words stand above, yours here. Once more, and yours take their place.';
