import { type Peer, titles } from '../peers.ts';
import type { Budget, Measurement, Scenario } from '../scenario.ts';
import { median } from './statistics.ts';

/** A scenario's measurements, one per round, of every peer it ran against. */
export type Rounds = ReadonlyMap<Peer, readonly Measurement[]>;

/** What is reported of a peer in a scenario: medians over the rounds. */
export interface Summary {
  readonly scenario: string;
  readonly peer: Peer;
  readonly unit: string;
  readonly figureUnit: 'µs' | 'KB';
  readonly figure: number;
  readonly lowest: number;
  readonly highest: number;
  readonly unitsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** This peer's figure by the other's; NaN if that did not run. */
  readonly timesBare: number;
  readonly timesWs: number;
  readonly timesSocketIo: number;
  readonly details: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
}

export interface Verdict {
  /** `0.75 × ws`, say. */
  readonly budget: string;
  /** What was reached of it; NaN if what it is compared with did not run. */
  readonly reached: number;
  readonly met: boolean;
}

export function summarize(scenario: Scenario, rounds: Rounds): Summary[] {
  return [...rounds].map(([peer, measurements]) => {
    const figures = measurements.map(({ figure }) => figure);
    const details = medianDetails(measurements);
    const ratioTo = (other: Peer) => median(figures) / medianFigure(rounds.get(other));
    return {
      scenario: scenario.name,
      peer,
      unit: scenario.unit,
      figureUnit: scenario.figure,
      figure: median(figures),
      lowest: Math.min(...figures),
      highest: Math.max(...figures),
      unitsPerSecond: medianOf(measurements, ({ unitsPerSecond }) => unitsPerSecond),
      p50Ms: medianOf(measurements, ({ p50Ms }) => p50Ms),
      p99Ms: medianOf(measurements, ({ p99Ms }) => p99Ms),
      timesBare: ratioTo('bare'),
      timesWs: ratioTo('ws'),
      timesSocketIo: ratioTo('socketio'),
      details,
      verdicts: peer === 'callboard' ? scenario.budgets.map((budget) => judge(budget, ratioTo, details)) : [],
    };
  });
}

function judge(
  budget: Budget,
  ratioTo: (peer: Peer) => number,
  details: Readonly<Record<string, number>>,
): Verdict {
  const ofPeer = 'times' in budget;
  const reached = ofPeer ? ratioTo(budget.times) : (details[budget.detail] ?? Number.NaN);
  return {
    budget: ofPeer ? `${budget.atMost} × ${titles[budget.times]}` : `${budget.detail} ${budget.atMost}`,
    reached,
    met: reached <= budget.atMost,
  };
}

function medianDetails(measurements: readonly Measurement[]): Record<string, number> {
  const names = Object.keys(measurements[0]?.details ?? {});
  return Object.fromEntries(
    names.map((name) => [name, medianOf(measurements, ({ details }) => details?.[name])]),
  );
}

function medianFigure(measurements: readonly Measurement[] = []): number {
  return medianOf(measurements, ({ figure }) => figure);
}

function medianOf(
  measurements: readonly Measurement[],
  pick: (one: Measurement) => number | undefined,
): number {
  return median(measurements.map((measurement) => pick(measurement) ?? Number.NaN));
}
