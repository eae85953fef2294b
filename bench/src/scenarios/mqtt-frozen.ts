import { inParallel } from '../load/in-parallel.ts';
import { measureCpu } from '../load/measure.ts';
import {
  connectMqtt,
  encode,
  type MqttConnection,
  packetTypes,
  subscribeMqtt,
} from '../load/mqtt-connection.ts';
import { watchForStall } from '../load/stall.ts';
import { percentile } from '../report/statistics.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { mebibytesMore } from './frozen-reader.ts';

const healthy = 499;
const publishers = 120;
const perSecond = 2_000;
const messages = 20_000;
const payloadBytes = 1_024;
/** A timer may be late by that; the rest is waited for turn by turn. */
const timerMs = 2;

/**
 * 120 devices publish 2,000 messages a second, each to a topic of its own that about four of 499 read, by QoS 0; one more reads
 * all of it, and then stops reading. Not for aedes, which stops with it.
 */
export const mqttFrozen: Scenario = {
  name: 'mqtt-frozen',
  unit: 'delivery',
  figure: 'µs',
  connections: healthy + publishers + 1,
  peers: ['mosquitto', 'callboard'],
  budgets: [
    { atMost: 1.2, detail: 'p99 frozen / reading' },
    { atMost: 1.01, detail: 'time frozen / reading' },
    { atMost: 2, detail: 'held more MiB' },
  ],
  async run(bench) {
    const senders: MqttConnection[] = [];
    await inParallel(publishers, 20, async (index) => {
      senders[index] = await connectMqtt(bench.port, `p${index}`);
    });
    const load = new Load(bench, senders);
    await inParallel(healthy, 20, async (index) => {
      const reader = await connectMqtt(bench.port, `d${index}`);
      await subscribeMqtt(reader, topicOf(index % publishers), 0);
      load.reads(reader, index % publishers);
    });
    const slow = await connectMqtt(bench.port, 'slow');
    await subscribeMqtt(slow, 'bench/#', 0);

    await load.run(bench.times(messages / 4));
    const reading = await load.run(bench.times(messages));
    const before = await bench.sample({ gc: true });
    slow.freeze();
    const frozen = await load.run(bench.times(messages));
    const after = await bench.sample({ gc: true });
    return {
      ...frozen,
      details: {
        'p99 reading ms': reading.p99Ms,
        'p99 frozen / reading': frozen.p99Ms / reading.p99Ms,
        'time frozen / reading': reading.unitsPerSecond / frozen.unitsPerSecond,
        'held more MiB': mebibytesMore(before, after, 'heldBytes'),
      },
    };
  },
};

function topicOf(publisher: number): string {
  return `bench/${publisher}`;
}

/** What the publishers say, whether or not those before have arrived, until all who read it have it. */
class Load {
  readonly #bench: Bench;
  readonly #senders: readonly MqttConnection[];
  /** By publisher. */
  readonly #readers = new Array<number>(publishers).fill(0);
  #latenciesMs: number[] = [];
  #awaited = 0;
  #arrived = () => {};

  constructor(bench: Bench, senders: readonly MqttConnection[]) {
    this.#bench = bench;
    this.#senders = senders;
  }

  reads(reader: MqttConnection, publisher: number): void {
    (this.#readers[publisher] as number)++;
    reader.onPacket = (type, bytes, _start, end) => {
      if (type !== packetTypes.publish) return;
      const sentAt = Number(bytes.toString('latin1', end - payloadBytes, end));
      this.#latenciesMs.push(performance.now() - sentAt);
      this.#awaited--;
      this.#arrived();
    };
  }

  async run(count: number) {
    this.#latenciesMs = [];
    const cost = await measureCpu(this.#bench, () => this.#send(count));
    const { figure, unitsPerSecond } = cost;
    return {
      figure,
      unitsPerSecond,
      p50Ms: percentile(this.#latenciesMs, 50),
      p99Ms: percentile(this.#latenciesMs, 99),
    };
  }

  /** Resolves with how many deliveries it were. */
  #send(count: number): Promise<number> {
    let deliveries = 0;
    for (let i = 0; i < count; i++) deliveries += this.#readers[i % publishers] as number;
    this.#awaited = deliveries;
    const startMs = performance.now();
    const watch = watchForStall(() => `${this.#awaited} of ${deliveries} deliveries missing`);
    return new Promise((resolve) => {
      this.#arrived = () => {
        watch.progress();
        if (this.#awaited > 0) return;
        watch.stop();
        resolve(deliveries);
      };
      let sent = 0;
      const sendWhatIsDue = () => {
        const due = Math.min(count, Math.ceil(((performance.now() - startMs) * perSecond) / 1_000));
        for (; sent < due; sent++) this.#publish(sent % publishers, startMs + (sent * 1_000) / perSecond);
        if (sent === count) return;
        const inMs = startMs + (sent * 1_000) / perSecond - performance.now();
        if (inMs > timerMs) setTimeout(sendWhatIsDue, inMs - timerMs);
        else setImmediate(sendWhatIsDue);
      };
      sendWhatIsDue();
    });
  }

  #publish(publisher: number, dueMs: number): void {
    const payload = String(dueMs).padEnd(payloadBytes);
    const topic = topicOf(publisher);
    const packet = encode({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
    this.#senders[publisher]?.write(packet);
  }
}
