import { createHarness, type Harness, type MemoryClient } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';

describe('the secret of a session', () => {
  let harness: Harness;
  let tab: MemoryClient;

  beforeEach(async () => {
    harness = await createHarness({ handlers: { A: () => 1 } });
    tab = await harness.connect(1);
  });

  const resumes = async (session: string, userId = 1) => {
    const client = harness.client(userId, { resume: { session, positions: {} } });
    const { resumed } = await client.connect();
    client.cut();
    return resumed;
  };

  test('changes at every resume', async () => {
    const before = tab.connected.session;
    tab.cut();
    await tab.resume();
    expect(tab.connected.session).not.toBe(before);
  });

  test('is valid, once rotated, until a frame shows that the client has the new one', async () => {
    const first = tab.resumption;
    tab.cut();
    // The answer to this one is lost.
    await tab.dial({ resume: first });
    tab.cut();
    expect((await tab.connect({ resume: first })).resumed).toBe(true);
    const second = tab.resumption;
    await tab.expectReply(tab.call({ type: 'A' }));
    tab.cut();
    expect(await resumes(first.session)).toBe(false);
    expect(await resumes(second.session)).toBe(true);
  });

  test.each([
    ['wrong', ({ clientId }: MemoryClient) => `${clientId}.AAAAAAAAAAAAAAAAAAAAAA`],
    ['cut off', ({ connected }: MemoryClient) => connected.session.slice(0, -1)],
    ['without a secret', ({ clientId }: MemoryClient) => `${clientId}.`],
    ['only an id', ({ clientId }: MemoryClient) => clientId],
    ['of nobody', () => 'nobody.secret'],
    ['nonsense', () => '.'],
    ['not ASCII', ({ clientId }: MemoryClient) => `${clientId}.ä€😀ä€😀ä€😀`],
  ])('that is %s begins a new session, and leaves the other alone', async (_, made) => {
    expect(await resumes(made(tab))).toBe(false);
    await tab.expectReply(tab.call({ type: 'A' }));
    tab.cut();
    expect((await tab.resume()).resumed).toBe(true);
  });

  test('is of no use to another user', async () => {
    expect(await resumes(tab.connected.session, 2)).toBe(false);
    await tab.expectNothing();
    expect(tab.closed).toBeUndefined();
  });

  test('is of no use to the same user once the verifier refuses', async () => {
    let open = true;
    const { connect, client } = await createHarness({ verifyClient: () => open });
    const mine = await connect(1);
    open = false;
    const back = client(1, { resume: mine.resumption });
    await back.dial();
    await back.expectClose('UNAUTHORIZED');
    expect(mine.closed).toBeUndefined();
  });
});
