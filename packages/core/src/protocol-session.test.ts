import { readFileSync } from 'node:fs';
import { createHarness, type MemoryWire } from '@callboard/testkit';
import { expect, test } from '@jest/globals';

/** The sample session of PROTOCOL.md, played against a server: every frame, in order, and no other. */

type Frame = Readonly<Record<string, unknown>>;
type Step =
  | { readonly kind: 'send' | 'receive'; readonly who: string; readonly frame: Frame }
  | { readonly kind: 'closed'; readonly who: string; readonly code: number; readonly reason: string }
  | { readonly kind: 'happens'; readonly what: string };

function steps(): Step[] {
  const protocol = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');
  const [, sample = ''] = protocol.split('## A sample session\n');
  const lines = [...sample.matchAll(/```text\n([\s\S]*?)```/g)].map(([, block]) => block).join('');
  // A line that is indented goes on with the one before.
  return lines
    .trimEnd()
    .split(/\n(?! )/)
    .map(stepOf);
}

function stepOf(line: string): Step {
  const [, what] = /^— (.+) —$/.exec(line) ?? [];
  if (what !== undefined) return { kind: 'happens', what };
  const [, who = '', code, reason = ''] = /^(\w) ← closed (\d+) (\w+)$/.exec(line) ?? [];
  if (code !== undefined) return { kind: 'closed', who, code: Number(code), reason };
  const [, client, way, json] = /^(\w) (→|←) (\{[\s\S]*\})$/.exec(line) ?? [];
  if (client === undefined || json === undefined) throw new Error(`no step: ${line}`);
  return { kind: way === '→' ? 'send' : 'receive', who: client, frame: JSON.parse(json) };
}

/** Ids, sessions and epochs stand for others, each for the same one throughout; some numbers for any. */
class Placeholders {
  readonly #actual = new Map<string, string>();
  readonly #documented = new Map<string, string>();

  /** What the document has, as it is here. */
  actual(value: unknown): unknown {
    if (typeof value === 'string') return this.#actual.get(value) ?? value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((each) => this.actual(each));
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.actual(each)]));
  }

  /** What is here, as the document has it; what it does not know yet stands for what it says in that place. */
  documented(value: unknown, expected: unknown, field = ''): unknown {
    if (field === 'at' || field === 'afterMs') return typeof value === 'number' ? expected : value;
    if (['clientId', 'session', 'epoch'].includes(field)) return this.#bind(value, expected);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value))
      return value.map((each, i) => this.documented(each, (expected as unknown[])?.[i]));
    const there = expected as Frame | undefined;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, this.documented(each, there?.[name], name)]),
    );
  }

  #bind(value: unknown, expected: unknown): unknown {
    if (typeof value !== 'string' || typeof expected !== 'string') return value;
    if (!this.#documented.has(value) && !this.#actual.has(expected)) {
      this.#documented.set(value, expected);
      this.#actual.set(expected, value);
    }
    return this.#documented.get(value) ?? value;
  }
}

test('the sample session happens as it is written', async () => {
  let printed = 0;
  const harness = await createHarness({
    verifyClient: () => true,
    handlers: {
      FREE_SEATS: () => ({ free: [1, 2, 9] }),
      PRINT_TICKETS: async ({ sendToClient }) => {
        printed++;
        await new Promise<void>((resolve) => void harness.clock.setTimeout(resolve, 2_000));
        await sendToClient({ type: 'TICKETS_PRINTED', pages: 1 });
        return { pages: 1 };
      },
    },
  });
  const { clock, server, transport } = harness;
  const wires = new Map<string, MemoryWire>();
  /** How many of the frames on a wire have been compared. */
  const read = new Map<MemoryWire, number>();
  const placeholders = new Placeholders();
  let stopped: Promise<void> | undefined;

  const wireOf = (who: string) => {
    const wire = wires.get(who);
    if (wire === undefined) throw new Error(`${who} is not connected`);
    return wire;
  };
  const expectNothingElse = () => {
    for (const wire of wires.values()) expect(wire.received.slice(read.get(wire))).toEqual([]);
  };
  const happen = async (what: string) => {
    const [, who] = /^(\w) loses its link$/.exec(what) ?? [];
    const [, seconds] = /^(\d+) s pass$/.exec(what) ?? [];
    if (who !== undefined) wireOf(who).cut();
    else if (seconds !== undefined) await clock.advanceAsync(Number(seconds) * 1_000);
    else if (what === 'the server is told to stop') stopped = server.disconnect();
    else throw new Error(`nobody knows how: ${what}`);
  };

  for (const step of steps()) {
    if (step.kind === 'send' || step.kind === 'happens') expectNothingElse();
    if (step.kind === 'happens') await happen(step.what);
    if (step.kind === 'send') {
      if (step.frame.op === 'connect') {
        const wire = transport.connect();
        wires.set(step.who, wire);
        read.set(wire, 0);
      }
      wireOf(step.who).send(JSON.stringify(placeholders.actual(step.frame)));
    }
    await clock.settle();
    if (step.kind === 'receive') {
      const wire = wireOf(step.who);
      const place = read.get(wire) ?? 0;
      read.set(wire, place + 1);
      const text = wire.received[place];
      const frame = text === undefined ? undefined : JSON.parse(text);
      expect(placeholders.documented(frame, step.frame)).toEqual(step.frame);
    }
    if (step.kind === 'closed')
      expect(wireOf(step.who).closed).toEqual({ code: step.code, reason: step.reason });
  }
  expectNothingElse();
  expect(printed).toBe(1);
  if (stopped === undefined) throw new Error('the server was not stopped');
  await harness.until(stopped);
  expect(harness.errors).toEqual([]);
});
