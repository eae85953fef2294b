import { MAX_CAST_NOTE, MAX_SYNOPSIS, type Programme, programmePath } from '../../shared/programme.ts';
import type { Show } from '../../shared/shows.ts';
import type { Office } from '../office.ts';
import { useStore } from '../store.ts';
import { Editable } from './edit-form.tsx';
import type { LiveResource } from './live-resource.ts';
import { LiveSign } from './live-sign.tsx';
import { useLive } from './use-live.ts';
import { viewsInWords } from './views.ts';

interface ProgrammeProps {
  readonly office: Office;
  readonly show: Show;
}

/** What can be read about a show: a resource of the REST API, which is here as it is there from moment to moment. */
export function ProgrammeLeaf({ office, show: { id, title } }: ProgrammeProps) {
  const programme = useLive<Programme>(
    office,
    programmePath(id),
    `${title}: the programme was printed anew.`,
  );
  return (
    <section className="leaf-section" aria-labelledby="programme">
      <h2 id="programme" className="section-title">
        The programme
      </h2>
      {programme && <Leaf office={office} programme={programme} />}
    </section>
  );
}

interface LeafProps {
  readonly office: Office;
  readonly programme: LiveResource<Programme>;
}

function Leaf({ office: { announcer }, programme }: LeafProps) {
  const view = useStore(programme);
  const { value } = view;
  return (
    <div className="leaf" data-current={view.current} data-testid="programme">
      <LiveSign view={view} change="Printed anew" again={() => programme.again()} />
      {value && (
        <>
          <div className="leaf-text">
            <div>
              <h3 className="over">The story</h3>
              <p className="leaf-synopsis">{value.synopsis}</p>
            </div>
            <div>
              <h3 className="over">The cast</h3>
              <p className="leaf-cast">{value.castNote}</p>
            </div>
          </div>
          <div className="leaf-hand">
            <p className="leaf-foot">
              <span>Printing no. {value.version}</span>
              <span>{viewsInWords(value.views)}</span>
            </p>
            {value.mayChange && (
              <Editable
                text="Change the programme"
                version={value.version}
                fields={[
                  { name: 'synopsis', label: 'The story', max: MAX_SYNOPSIS, rows: 5, value: value.synopsis },
                  { name: 'castNote', label: 'The cast', max: MAX_CAST_NOTE, rows: 5, value: value.castNote },
                ]}
                submitText="Print it"
                save={async (change, version) => {
                  await programme.change(change, version);
                  announcer.say('It is printed.');
                }}
              />
            )}
          </div>
        </>
      )}
    </div>
  );
}
