import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gone, lasting, reader, record, versions } from '../../test/conformance.ts';
import { connectPacket, Stage } from '../../test/support.ts';

/** Section 3.2: CONNACK. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  test('says whether there is a session, in one bit', async () => {
    await stage.serve({ host: '127.0.0.1', verifyClient: ({ token }) => token === 'right' });
    const answer = async (fields: object) => {
      const device = await stage.raw(version);
      const bytes = record(device);
      const username = 'ada';
      device.send(connectPacket('c', { protocolVersion: version, username, ...lasting(version), ...fields }));
      await device.next('connack');
      device.send({ cmd: 'disconnect' });
      await device.end();
      const [type, , flags, code] = bytes();
      return [type, flags, code];
    };
    const [right, wrong] = [Buffer.from('right'), Buffer.from('wrong')];
    const refused = [0x20, 0, version === 5 ? 0x86 : 4];
    expect(await answer({ password: wrong })).toEqual(refused);
    expect(await answer({ password: right })).toEqual([0x20, 0, 0]);
    expect(await answer({ password: right })).toEqual([0x20, 1, 0]);
    expect(await answer({ password: wrong })).toEqual(refused);
    expect(await answer({ password: right, clean: true })).toEqual([0x20, 0, 0]);
  });

  test('comes before all that waits', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 1]);
    await gone(stage, device);
    for (const text of ['1', '2']) await stage.server.publish('a', text);
    const back = await stage.raw(version);
    back.send(connectPacket('c', { protocolVersion: version, ...lasting(version) }));
    const order = [await back.next(), await back.next(), await back.next()].map(({ cmd }) => cmd);
    expect(order).toEqual(['connack', 'publish', 'publish']);
  });

  test('comes before a word on what was wrong behind CONNECT, and after a refusal there is none', async () => {
    await stage.serve({ host: '127.0.0.1', verifyClient: ({ token }) => token === 'right' });
    const said = async (token: string) => {
      const device = await stage.raw(version);
      const fields = { protocolVersion: version, username: 'ada', password: Buffer.from(token) };
      device.send(connectPacket('c', fields), Buffer.of(0xc1, 0));
      await device.end();
      return device.packets.map(({ cmd }) => cmd);
    };
    expect(await said('right')).toEqual(version === 5 ? ['connack', 'disconnect'] : ['connack']);
    expect(await said('wrong')).toEqual(['connack']);
  });

  test('refuses with a code of the table', async () => {
    await stage.serve({
      host: '127.0.0.1',
      verifyClient({ token }) {
        if (token === 'broken') throw new Error('no database');
        return token === 'right';
      },
    });
    const code = async (fields: object) => {
      const device = await stage.raw(version);
      device.send(connectPacket('c', { protocolVersion: version, ...fields }));
      const { returnCode, reasonCode, properties } = await device.next('connack');
      await device.end();
      expect(properties).toBeUndefined();
      return reasonCode ?? returnCode;
    };
    const codes = [
      await code({ username: 'ada', password: Buffer.from('wrong') }),
      await code({ username: 'ada', password: Buffer.from('broken') }),
      await code({}),
      await code({ clientId: 'c'.repeat(256) }),
    ];
    expect(codes).toEqual(version === 5 ? [0x86, 0x88, 0x87, 0x85] : [4, 3, 5, 2]);
  });
});

test('in MQTT 5 asks for no authentication, holds nothing back, and has neither words nor pairs', async () => {
  await stage.serve();
  const { told } = await stage.connected5('c', { properties: { requestProblemInformation: true } });
  expect(Object.keys(told).sort()).toEqual([
    'maximumPacketSize',
    'reasonCode',
    'receiveMaximum',
    'sessionPresent',
    'topicAliasMaximum',
  ]);
});
