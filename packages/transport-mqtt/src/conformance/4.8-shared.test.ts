import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bare, ends, gone, lasting, reader, textOf, versions, wire } from '../../test/conformance.ts';
import { publishPacket, type RawDevice, Stage, until } from '../../test/support.ts';

/** Section 4.8.2: shared subscriptions, which devices of 3.1.1 may have, too; who is given what is in `../shared.test.ts`. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const filter = '$share/g/a';

  test.each([
    ['a share without a name', '$share//a'],
    ['+ in the name of a share', '$share/+/a'],
    ['# in the name of a share', '$share/g#/a'],
    ['a share without a filter', '$share/g/'],
    ['a share and nothing else', '$share/g'],
    ['a share of a filter that is none', '$share/g/a#'],
  ])('%s ends it', (_, name) => ends(stage, version, wire(0x82, 0, 1, bare(version), name, 0), 0x81));

  test('each member is given what it was granted', async () => {
    await stage.serve();
    const members = [
      await reader(stage, version, '0', [filter, 0]),
      await reader(stage, version, '1', [filter, 1]),
      await reader(stage, version, '2', [filter, 2]),
    ];
    for (let i = 0; i < 3; i++) await stage.server.publish('a', 'x');
    const heard: (number | undefined)[] = [];
    for (const member of members) heard.push((await member.next('publish')).qos);
    expect(heard).toEqual([0, 1, 2]);
  });

  test('QoS 2 that has begun is finished with its device, and goes to nobody else where that does not come back', async () => {
    await stage.serve();
    const one = await reader(stage, version, '1', [filter, 2]);
    const two = await reader(stage, version, '2', [filter, 2]);
    await begun(one, two);
    await gone(stage, one);
    const back = await stage.connected('1', lasting(version), version);
    expect(await back.next('publish')).toMatchObject({ dup: true, payload: Buffer.from('1') });
    await gone(stage, back);
    await two.quiet();
    stage.clock.advance(100_000_000);
    await until(() => !stage.server.users.has('1'), 'the end of its session');
    await two.quiet();
  });

  test('QoS 2 that the server has not heard of again is finished, too, once the device has it', async () => {
    await stage.serve();
    const one = await reader(stage, version, '1', [filter, 2]);
    const two = await reader(stage, version, '2', [filter, 2]);
    const messageId = await begun(one, two);
    one.send({ cmd: 'pubrec', messageId });
    await one.next('pubrel');
    await gone(stage, one);
    const back = await stage.connected('1', lasting(version), version);
    expect(await back.next('pubrel')).toMatchObject({ messageId });
    await back.quiet();
    await two.quiet();
  });

  /** The first of them has been sent one of QoS 2, and says nothing. */
  async function begun(one: RawDevice, two: RawDevice): Promise<number> {
    const writer = await stage.connected('w', {}, version);
    writer.send(publishPacket('a', '1', { qos: 2, messageId: 1 }));
    const publication = await one.next('publish');
    expect(textOf(publication)).toBe('1');
    await two.quiet();
    return publication.messageId as number;
  }
});

test.each([
  ['PUBACK', 1],
  ['PUBREC', 2],
] as const)('what a member refuses by %s goes to nobody else', async (_, qos) => {
  await stage.serve();
  const one = await reader(stage, 5, '1', ['$share/g/a', qos]);
  const two = await reader(stage, 5, '2', ['$share/g/a', qos]);
  await stage.server.publish('a', 'x');
  const { messageId } = await one.next('publish');
  one.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x83 } as never);
  await one.quiet();
  await two.quiet();
  await gone(stage, one);
  await two.quiet();
  const back = await stage.connected5('1', lasting(5));
  await back.quiet();
});
