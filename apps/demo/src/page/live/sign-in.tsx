import { isOfTheCompany } from '../../shared/company.ts';
import { type Card, type ChangedCard, MAX_EMAIL } from '../../shared/programme.ts';
import type { Office } from '../office.ts';
import { Editable, type Field } from './edit-form.tsx';
import type { LiveResource } from './live-resource.ts';

interface SignInProps {
  readonly office: Office;
  readonly card: LiveResource<Card>;
  readonly value: Card;
}

/** With what one signs in. To change it takes the password, and another password shows all other tabs to the door. */
export function SignIn({
  office: { pass, client, announcer },
  card,
  value: { id, email, version },
}: SignInProps) {
  const save = async (values: Readonly<Record<string, string>>, base: number) => {
    const { current, password } = values;
    const change = {
      ...(values.email !== (email ?? '') && { email: { current, next: values.email } }),
      ...(password !== '' && { password: { current, next: password, client: client.id } }),
    };
    if (Object.keys(change).length === 0) return;
    await pass.exchange(async () => (await card.change<ChangedCard>(change, base, words)).token);
    announcer.say('It is changed.');
  };
  return (
    <>
      <p>{email === null ? 'You have no e-mail yet to sign in with.' : `You sign in as ${email}.`}</p>
      {!isOfTheCompany(id) && (
        <Editable
          text="Change how you sign in"
          version={version}
          fields={[{ ...emailField, value: email ?? '' }, ...passwordFields]}
          submitText="Change it"
          save={save}
        />
      )}
    </>
  );
}

const emailField = {
  name: 'email',
  label: 'E-mail',
  type: 'email',
  max: MAX_EMAIL,
  required: true,
  autoComplete: 'username',
} as const;
const passwordFields: readonly Field[] = [
  { name: 'password', label: 'Another password, if you want one', autoComplete: 'new-password' },
  { name: 'current', label: 'Your password now', autoComplete: 'current-password', required: true },
].map((field) => ({ ...field, type: 'password', min: 8, max: 200, value: '' }));

const words = { 400: 'An e-mail has an @ and a domain, a password 8 characters or more.' };
