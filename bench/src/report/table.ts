import { titles } from '../peers.ts';
import type { Summary, Verdict } from './summary.ts';

const headings = [
  'scenario',
  'peer',
  'per unit',
  'min–max',
  'units/s',
  'p50 ms',
  'p99 ms',
  '× bare',
  '× ws',
  '× Socket.IO',
  'budget',
];

/** The summaries as lines of aligned columns, a scenario's details below its peers. */
export function renderTable(summaries: readonly Summary[]): string {
  const rows = [headings, ...summaries.map(cellsOf)];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const [head = '', ...lines] = rows.map((row) =>
    row
      .map((cell, column) =>
        isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const body = summaries.flatMap((summary, index) => {
    const starts = summary.scenario !== summaries[index - 1]?.scenario;
    return [...(starts ? [''] : []), lines[index] ?? '', ...detailsOf(summary)];
  });
  return [head, ...body].join('\n');
}

function cellsOf(summary: Summary): string[] {
  const { scenario, peer, figure, figureUnit, unit, lowest, highest } = summary;
  return [
    scenario,
    titles[peer],
    `${show(figure)} ${figureUnit}/${unit}`,
    `${show(lowest)}–${show(highest)}`,
    Number.isNaN(summary.unitsPerSecond) ? '' : String(Math.round(summary.unitsPerSecond)),
    show(summary.p50Ms),
    show(summary.p99Ms),
    show(summary.timesBare),
    show(summary.timesWs),
    show(summary.timesSocketIo),
    summary.verdicts.map(showVerdict).join(', '),
  ];
}

function isText(column: number): boolean {
  return column < 2 || column === headings.length - 1;
}

function detailsOf({ details }: Summary): string[] {
  const shown = Object.entries(details).map(([name, value]) => `${name}: ${show(value)}`);
  return shown.length === 0 ? [] : [`    ${shown.join(' · ')}`];
}

function showVerdict({ budget, reached, met }: Verdict): string {
  if (Number.isNaN(reached)) return `${budget}: not measured`;
  return `${budget}: ${met ? 'met' : `MISSED (${show(reached)})`}`;
}

/** Three significant digits are all that such measurements have. */
function show(value: number): string {
  if (Number.isNaN(value)) return '';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
