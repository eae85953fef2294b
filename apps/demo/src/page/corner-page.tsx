import { useEffect, useState } from 'react';
import { FailureSlip } from './failure-slip.tsx';
import { Gauge } from './gauge.tsx';
import { LightSwitches } from './light-switches.tsx';
import type { Office } from './office.ts';
import type { PromptCorner } from './prompt-corner.ts';
import { SpareCommand } from './spare-command.tsx';
import { StagePicture } from './stage-picture.tsx';
import { useStore } from './store.ts';
import { Strip } from './strip.tsx';
import { TheBook } from './the-book.tsx';
import { useHeadingFocus } from './use-heading-focus.ts';
import { useTitle } from './use-title.ts';

/** What the house's devices tell, and the lights. */
export function CornerPage({ office }: { readonly office: Office }) {
  useTitle('The prompt corner · Tallow Street Theatre');
  const corner = useCorner(office);
  return (
    <>
      <Strip />
      <main className="show corner">
        {corner && <Lighting corner={corner} />}
        {corner && <Readings office={office} corner={corner} />}
        <TheBook book={office.book} />
      </main>
    </>
  );
}

/** In the devices' channels for as long as the page is there. */
function useCorner(office: Office): PromptCorner | undefined {
  const [corner, setCorner] = useState<PromptCorner>();
  useEffect(() => {
    const opened = office.openCorner();
    setCorner(opened);
    return () => opened.close();
  }, [office]);
  return corner;
}

function Lighting({ corner: { lights, instruments } }: { readonly corner: PromptCorner }) {
  const view = useStore(lights);
  const { current } = useStore(instruments);
  const heading = useHeadingFocus();
  return (
    <article className="poster corner-bill">
      <div className="poster-sheet">
        <p className="poster-kind">Stage left, behind the curtain</p>
        <StagePicture lights={view} />
        <h1 ref={heading} tabIndex={-1}>
          The Prompt Corner
        </h1>
        <p className="poster-line">
          From here one sees everything and is seen by nobody. Please do not lean on the switches.
        </p>
      </div>
      <LightSwitches lights={lights} view={view} current={current} />
    </article>
  );
}

function Readings({ office, corner }: { readonly office: Office; readonly corner: PromptCorner }) {
  const { instruments, spare } = corner;
  const view = useStore(instruments);
  const own = view.instruments.filter(({ sensor }) => sensor.device === 'spare');
  const theatres = view.instruments.filter(({ sensor }) => sensor.device !== 'spare');
  return (
    <div className="readings" data-current={view.current} data-testid="readings">
      <section aria-labelledby="readings">
        <h2 id="readings" className="section-title">
          How the house is
        </h2>
        <p className="live-sign">
          <span className="live-lamp" aria-hidden="true" />
          {view.current ? 'Live' : 'As it was when the line went'}
        </p>
        {view.failure && <FailureSlip failure={view.failure} retry={() => instruments.again()} />}
        <div className="gauges">
          {theatres.map((instrument) => (
            <Gauge key={instrument.sensor.device} instrument={instrument} view={view} />
          ))}
        </div>
      </section>
      <section aria-labelledby="spare">
        <h2 id="spare" className="section-title">
          One in your own hands
        </h2>
        <div className="gauges">
          {own.map((instrument) => (
            <Gauge key={instrument.sensor.device} instrument={instrument} view={view} />
          ))}
          <SpareCommand spare={spare} announcer={office.announcer} />
        </div>
      </section>
    </div>
  );
}
