export { SimulatedClock } from './simulated-clock.ts';
export {
  type StreamLogSuiteOptions,
  type StreamLogUnderTest,
  type SuiteRunner,
  streamLogSuite,
} from './stream-log-suite.ts';
