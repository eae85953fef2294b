import { isOfTheCompany } from '../../shared/company.ts';
import { MAX_ABOUT } from '../../shared/events.ts';
import { type Card, cardPath, MAX_NAME } from '../../shared/programme.ts';
import type { Office } from '../office.ts';
import { useStore } from '../store.ts';
import { Strip } from '../strip.tsx';
import { TheBook } from '../the-book.tsx';
import { useHeadingFocus } from '../use-heading-focus.ts';
import { useTitle } from '../use-title.ts';
import { Editable } from './edit-form.tsx';
import type { LiveResource } from './live-resource.ts';
import { LiveSign } from './live-sign.tsx';
import { SignIn } from './sign-in.tsx';
import { useLive } from './use-live.ts';
import { viewsInWords } from './views.ts';

/** One's own card, as it is at the stage door: a resource of the REST API, for its owner alone. */
export function CardPage({ office }: { readonly office: Office }) {
  useTitle('Your card · Tallow Street Theatre');
  const { id } = office.pass.user;
  const heading = useHeadingFocus();
  const card = useLive<Card>(office, cardPath(id), 'Your card was changed.');
  return (
    <>
      <Strip />
      <main className="no-show card-page">
        <h1 ref={heading} tabIndex={-1}>
          Your card at the stage door
        </h1>
        <p>Only you can read it. Open another tab, change it in one, and look at the other.</p>
        {card && <Pinned office={office} card={card} />}
        <TheBook book={office.book} />
      </main>
    </>
  );
}

interface PinnedProps {
  readonly office: Office;
  readonly card: LiveResource<Card>;
}

function Pinned({ office, card }: PinnedProps) {
  const { announcer, company } = office;
  const view = useStore(card);
  const { value } = view;
  return (
    <div className="card-pin" data-current={view.current} data-testid="card">
      <LiveSign view={view} change="Written anew" again={() => card.again()} />
      {value && (
        <>
          <article className="calling-card" aria-label="Your card">
            <p className="calling-role">{value.role}</p>
            <p className="calling-name">{value.name}</p>
            <p className="calling-about">{value.about || 'Nothing is known about you yet.'}</p>
            <p className="leaf-foot">
              <span>Card no. {value.version}</span>
              <span>{viewsInWords(value.views)}</span>
            </p>
          </article>
          <Editable
            text="Change the card"
            version={value.version}
            fields={fieldsOf(value)}
            submitText="Write it"
            save={async (change, version) => {
              await card.change(change, version, words);
              // Where it does not come about, the name is the one before until the page is loaded again.
              company.refresh().catch(() => {});
              announcer.say('It is written.');
            }}
          />
          <SignIn office={office} card={card} value={value} />
        </>
      )}
    </div>
  );
}

const words = { 400: `A name has 1 to ${MAX_NAME} characters, and shows all of them.` };

/** The company's names stay as they are. */
function fieldsOf({ id, name, about }: Card) {
  return [
    ...(isOfTheCompany(id)
      ? []
      : [{ name: 'name', label: 'Name', max: MAX_NAME, required: true, value: name }]),
    { name: 'about', label: 'About you', max: MAX_ABOUT, rows: 3, value: about },
  ];
}
