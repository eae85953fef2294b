import { lights as all } from '../shared/devices.ts';
import { FailureSlip } from './failure-slip.tsx';
import type { Lights, LightsView, LightView } from './lights.ts';
import { milliseconds } from './milliseconds.ts';

interface LightSwitchesProps {
  readonly lights: Lights;
  readonly view: LightsView;
  readonly current: boolean;
}

/** A switch for each light. It turns when the lighting board says so, and not when it is touched. */
export function LightSwitches({ lights, view, current }: LightSwitchesProps) {
  return (
    <ul className="switches" aria-label="The lights" data-current={current}>
      {all.map(({ id, name }) => {
        const { is, asked, failure } = view[id];
        return (
          <li key={id} data-light={id}>
            <button
              type="button"
              role="switch"
              aria-checked={is === 'on'}
              aria-disabled={asked !== undefined || is === undefined}
              aria-describedby={`light-${id}`}
              className="switch"
              onClick={() => lights.toggle(id)}
            >
              <span className="plug-track" aria-hidden="true" />
              <span>{name}</span>
            </button>
            <span className="switch-state" id={`light-${id}`}>
              <State {...view[id]} />
            </span>
            {failure && (
              <FailureSlip
                failure={failure}
                retry={() => lights.toggle(id)}
                forget={() => lights.forget(id)}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}

function State({ is, asked, tookMs }: LightView) {
  if (asked) return <em>Asked for {asked.to} …</em>;
  if (is === undefined) return <em>Not heard yet</em>;
  return (
    <>
      {tookMs !== undefined && <span className="took">{milliseconds(tookMs)}</span>} {is}
    </>
  );
}
