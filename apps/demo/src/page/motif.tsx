import type { ReactNode } from 'react';

/** The picture on a show's poster: two blocks, as a printer would cut them, in ink and in the spot colour. */
export function Motif({ show }: { readonly show: string }) {
  return (
    <svg className="motif" viewBox="0 0 120 96" aria-hidden="true">
      {motifs[show]}
    </svg>
  );
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

const bust = (x: number, className: string) => (
  <g className={className} key={x}>
    <ellipse cx={x} cy="34" rx="15" ry="19" />
    <path d={`M${x - 27} 96c0-27 10-38 27-38s27 11 27 38z`} />
  </g>
);

const umbrella = (i: number) => {
  const x = 24 + (i % 3) * 36;
  const y = 20 + Math.floor(i / 3) * 29;
  return (
    <g
      key={i}
      className={i === 7 ? 'spot' : 'ink'}
      transform={`translate(${x} ${y}) rotate(${((i * 37) % 23) - 11})`}
    >
      <path d="M-15 0a15 15 0 0 1 30 0q-5-4-10 0-5-4-10 0-5-4-10 0z" />
      <path className="stroke" d="M0-2v12a3 3 0 0 1-6 0" />
    </g>
  );
};

const moth = (x: number, y: number, turn: number, size: number, className: string) => (
  <g
    className={className}
    transform={`translate(${x} ${y}) rotate(${turn}) scale(${size})`}
    key={`${x} ${y}`}
  >
    <path d="M0-2C-4-16-22-18-24-8-25 0-10 6-1 4zM0-2C4-16 22-18 24-8 25 0 10 6 1 4z" />
    <path d="M-1 3C-10 4-16 10-11 15-7 18-2 12 0 5 2 12 7 18 11 15 16 10 10 4 1 3z" />
  </g>
);

const motifs: Readonly<Record<string, ReactNode>> = {
  understudy: (
    <>
      {bust(34, 'faint')}
      {bust(60, 'spot')}
      {bust(86, 'ink')}
    </>
  ),
  umbrellas: range(9).map(umbrella),
  lighthouse: (
    <>
      <path className="spot" d="M52 22 0 4v34zM68 22l52-18v34z" />
      <path className="ink" d="M53 32h14l7 64H46zM50 14h20v16H50zM60 2l12 12H48z" />
      <path className="paper" d="m52.2 44h15.600l1.2 10H51zM49.6 66h20.800l1 10H48.400zM56 18h8v8h-8z" />
    </>
  ),
  abernathy: (
    <g className="letters">
      {range(11).map((i) => (
        <text
          key={i}
          className={i === 9 ? 'spot' : 'ink'}
          x={18 + (i % 4) * 28 + (i > 7 ? 14 : 0)}
          y={32 + Math.floor(i / 4) * 25}
        >
          No
        </text>
      ))}
    </g>
  ),
  moths: (
    <>
      <path className="spot" d="M60 30c9 12 11 19 0 28-11-9-9-16 0-28z" />
      <path className="ink" d="M53 61h14v35H53z" />
      {moth(26, 34, -24, 0.9, 'ink')}
      {moth(96, 26, 28, 0.75, 'ink')}
      {moth(92, 72, 64, 0.6, 'ink')}
      {moth(28, 78, -70, 0.55, 'faint')}
    </>
  ),
  elsinore: (
    <>
      <circle className="spot" cx="84" cy="30" r="19" />
      <path className="ink stroke" d="M8 40 52 8v52a7 7 0 0 1-14 0v-4" />
      {range(4).map((i) => (
        <path
          key={i}
          className={i === 0 ? 'spot stroke' : 'ink stroke'}
          d={`M-6 ${66 + i * 9}q11-9 22 0t22 0 22 0 22 0 22 0 22 0`}
        />
      ))}
    </>
  ),
  vellum: (
    <>
      <path
        className="ink"
        d="M58 26C44 14 24 14 8 20v62c16-6 36-6 50 6zM62 26c14-12 34-12 50-6v62c-16-6-36-6-50 6z"
      />
      <path className="spot" d="M84 12h13v46l-6.500-8-6.5 8z" />
      {range(4).map((i) => (
        <path key={i} className="paper stroke thin" d={`M18 ${34 + i * 11}q16-4 31 4`} />
      ))}
    </>
  ),
  weather: (
    <>
      <path className="ink" d="M18 4h84v88H18z" />
      <path className="paper" d="M26 12h31v32H26zM63 12h31v32H63zM26 50h31v34H26zM63 50h31v34H63z" />
      {range(6).map((i) => (
        <path key={i} className="spot stroke" d={`m${34 + i * 9} ${16 + (i % 3) * 5}-7 20`} />
      ))}
      <path className="ink" d="M68 84V68a8 8 0 0 1 16 0v16z" />
    </>
  ),
};
