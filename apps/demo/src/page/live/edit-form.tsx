import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { FormFoot } from '../form-foot.tsx';
import { Quicker, useAttempt } from '../use-attempt.ts';

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
  const { busy, trouble, attempt } = useAttempt();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const values = Object.fromEntries(
      fields.map(({ name, type }) => {
        const value = String(given.get(name));
        return [name, type === 'password' ? value : value.trim()];
      }),
    );
    attempt(async () => {
      try {
        await save(values, base.current);
      } catch (error) {
        if (!Quicker.is(error)) throw error;
        base.current = version;
        throw new Quicker();
      }
      close();
    });
  };
  return (
    <form ref={form} className="edit-form" autoComplete="off" onSubmit={submit}>
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
      <FormFoot submitText={submitText} busy={busy} trouble={trouble} cancel={close} />
    </form>
  );
}
