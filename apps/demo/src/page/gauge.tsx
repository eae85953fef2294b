import type { SensorKind } from '../shared/devices.ts';
import { chartPath } from './chart-path.ts';
import { clockTime } from './clock-time.ts';
import type { Instrument, InstrumentsView } from './instruments.ts';
import { agoInWords } from './readings.ts';

interface GaugeProps {
  readonly instrument: Instrument;
  readonly view: InstrumentsView;
}

/** One sensor: what it reads, how that was in the last minutes, and when it was last heard. */
export function Gauge({ instrument, view }: GaugeProps) {
  const { sensor, readings, silent } = instrument;
  const { place, device, kind } = sensor;
  const last = readings.at(-1);
  const { write, unit } = kinds[kind];
  return (
    <article className="gauge" data-device={device} data-silent={silent} aria-labelledby={`gauge-${device}`}>
      <h3 id={`gauge-${device}`} className="over">
        {place}
      </h3>
      {last === undefined ? (
        <p className="empty">Nothing heard of it yet.</p>
      ) : (
        <>
          <p className="gauge-now">
            <strong>{write(last.value)}</strong> <span>{unit}</span>
          </p>
          <Chart {...instrument} now={view.now} />
          <p className="gauge-axis" aria-hidden="true">
            <span>3 min ago</span>
            <span>now</span>
          </p>
          <p className="gauge-seen">{seen()}</p>
        </>
      )}
    </article>
  );

  function seen() {
    if (last === undefined) return null;
    if (silent) return <strong className="mark">Silent since {clockTime(last.at)}</strong>;
    return view.current ? `Heard ${agoInWords(view.now - last.at)}` : `Last heard at ${clockTime(last.at)}`;
  }
}

function Chart({ sensor: { place, kind }, readings, now }: Instrument & { readonly now: number }) {
  const { write, unit, minSpan, steps } = kinds[kind];
  const { line, area, end, low, high } = chartPath(readings, now, { ...frame, minSpan, steps });
  const label =
    end === undefined
      ? `${place}: nothing in the last three minutes`
      : `${place}: between ${write(low)} and ${write(high)} ${unit} in the last three minutes`;
  return (
    <svg
      className="chart"
      viewBox={`-2 -8 ${frame.width + 12} ${frame.height + 10}`}
      role="img"
      aria-label={label}
    >
      {minutes.map((minute) => (
        <path key={minute} className="chart-minute" d={`M${(frame.width * minute) / 3} 0V${frame.height}`} />
      ))}
      <path className="chart-area" d={area} />
      <path className="chart-line" d={line} />
      <path className="chart-base" d={`M0 ${frame.height}H${frame.width}`} />
      {end && <circle className="chart-end" cx={end[0]} cy={end[1]} r="5" />}
    </svg>
  );
}

const frame = { width: 320, height: 84 };
const minutes = [0, 1, 2, 3];

const kinds: Readonly<
  Record<SensorKind, { write(value: number): string; unit: string; minSpan: number; steps: boolean }>
> = {
  temperature: { write: (value) => value.toFixed(1), unit: '°C', minSpan: 1.5, steps: false },
  people: { write: String, unit: 'came in', minSpan: 6, steps: true },
  watts: {
    write: (value) => Math.round(value).toLocaleString('en-GB'),
    unit: 'W',
    minSpan: 100,
    steps: true,
  },
};
