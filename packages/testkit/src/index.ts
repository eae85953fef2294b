export { codecSuite } from './codec-suite.ts';
export { freePort } from './free-port.ts';
export type { DeviceIdentity, DeviceUnderTest, GatewayUnderTest } from './gateway-stage.ts';
export { gatewaySuite } from './gateway-suite.ts';
export {
  createHarness,
  type Harness,
  type HarnessClientOptions,
  type HarnessOptions,
  type MemoryClient,
} from './harness.ts';
export { LiveClock, turn, until } from './live-clock.ts';
export { collectingLogger, type LogEntry } from './logs.ts';
export { MemoryRoad } from './memory-road.ts';
export {
  type MemoryPeer,
  type MemoryTransport,
  type MemoryWire,
  memoryTransport,
} from './memory-transport.ts';
export { SimulatedClock } from './simulated-clock.ts';
export {
  type StreamLogSuiteOptions,
  type StreamLogUnderTest,
  type SuiteRunner,
  streamLogSuite,
} from './stream-log-suite.ts';
export { TestClient } from './test-client.ts';
export type { RequestFields, TestClientOptions } from './test-client-options.ts';
export type { TransportUnderTest } from './transport-stage.ts';
export { transportSuite } from './transport-suite.ts';
export type { ClientWire, Closed } from './wire.ts';
