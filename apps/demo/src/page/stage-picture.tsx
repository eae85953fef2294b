import type { LightsView } from './lights.ts';

const cups = Array.from({ length: 7 }, (_, i) => 42 + i * 36);
const rays = Array.from({ length: 12 }, (_, i) => i * 30);

/** The stage from the stalls, in the light that it has. */
export function StagePicture({ lights: { footlights, limelight, ghost } }: { readonly lights: LightsView }) {
  return (
    <svg className="stage-picture" viewBox="0 0 300 216" aria-hidden="true">
      <path className="stage-back" d="M34 26h232v150H34z" />
      <path className="stage-floor" d="M34 150h232v26H34z" />
      <g className="limelight" data-is={limelight.is}>
        <path className="beam" d="M74 34l86 116h74L90 28z" />
        <ellipse className="pool" cx="197" cy="158" rx="44" ry="9" />
        <path className="lamp" d="M60 24l20-10 16 20-18 12z" />
      </g>
      <g className="ghost" data-is={ghost.is}>
        <g className="rays">
          {rays.map((turn) => (
            <path key={turn} d="M0-17v-9" transform={`translate(124 84) rotate(${turn})`} />
          ))}
        </g>
        <path className="stand" d="M124 96v66m-14 4q14-8 28 0" />
        <circle className="bulb" cx="124" cy="84" r="12" />
      </g>
      <path className="stage-curtain" d="M18 14h38c2 62-4 112-22 164H18z" />
      <path className="stage-curtain" d="M282 14h-38c-2 62 4 112 22 164h16z" />
      <path
        className="stage-swag"
        d="M14 8h272v14q-17 20-34 0-17 20-34 0-17 20-34 0-17 20-34 0-17 20-34 0-17 20-34 0-17 20-34 0-17 20-34 0z"
      />
      <path className="stage-edge" d="M8 178h284v30H8z" />
      <g className="footlights" data-is={footlights.is}>
        {cups.map((x) => (
          <g key={x}>
            <path className="glow" d={`M${x - 11} 176l-6-20q17-11 34 0l-6 20z`} />
            <path className="cup" d={`M${x - 13} 190a13 14 0 0 1 26 0z`} />
          </g>
        ))}
      </g>
    </svg>
  );
}
