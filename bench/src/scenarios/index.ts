import type { Scenario } from '../scenario.ts';
import { calls, callsTls } from './calls.ts';
import { channel1, channel1Tls, channel1To10k, channel10, channel10To10k } from './channel-fan-out.ts';
import { channelFrozen } from './channel-frozen.ts';
import { channelGrowth } from './channel-growth.ts';
import { channelLatency } from './channel-latency.ts';
import { channelRecovery } from './channel-recovery.ts';
import { clientSize } from './client-size.ts';
import { connects } from './connects.ts';
import { fanOut1, fanOut1Tls, fanOut10 } from './fan-out.ts';
import { frozenReader } from './frozen-reader.ts';
import { growth } from './growth.ts';
import { memory } from './memory.ts';
import { mqttBridge } from './mqtt-bridge.ts';
import { mqttConnects } from './mqtt-connects.ts';
import { mqttFanIn } from './mqtt-fan-in.ts';
import { mqttFanOut1, mqttFanOut4 } from './mqtt-fan-out.ts';
import { mqttFrozen } from './mqtt-frozen.ts';
import { mqttMemory } from './mqtt-memory.ts';
import { mqttRoundTrips, mqttRoundTrips50 } from './mqtt-round-trips.ts';
import { notifyBurst, notifyBurstOffline } from './notify-burst.ts';
import { notifyLight } from './notify-light.ts';
import { presenceChannel, presenceChannelEach } from './presence-channel.ts';
import { joins, presenceJoins, presenceMemory } from './presence-users.ts';
import { rooms } from './rooms.ts';
import { smallChannels } from './small-channels.ts';
import { users1000 } from './users-1000.ts';

export const scenarios: readonly Scenario[] = [
  fanOut1,
  fanOut10,
  users1000,
  calls,
  connects,
  memory,
  fanOut1Tls,
  callsTls,
  frozenReader,
  growth,
  channel1,
  channel1Tls,
  channel10,
  channel1To10k,
  channel10To10k,
  smallChannels,
  channelLatency,
  channelRecovery,
  channelGrowth,
  channelFrozen,
  rooms,
  presenceChannel,
  presenceChannelEach,
  joins,
  presenceJoins,
  presenceMemory,
  mqttFanOut1,
  mqttFanOut4,
  mqttFanIn,
  mqttRoundTrips,
  mqttRoundTrips50,
  mqttBridge,
  mqttConnects,
  mqttMemory,
  mqttFrozen,
  notifyBurst,
  notifyBurstOffline,
  notifyLight,
  clientSize,
];
