import { describe, expect, test } from '@jest/globals';
import { filter, map, tap } from 'rxjs';
import { ChannelStage } from '../test/channel-stage.ts';
import { standing } from '../test/requests-stage.ts';
import { resumed } from '../test/scripted-client.ts';
import { failure } from '../test/support.ts';
import {
  type ClientPlugin,
  defineClientPlugin,
  type IncomingOperator,
  type OutgoingOperator,
} from './index.ts';

const broken = new Error('broken');
async function stageWith(...plugins: ClientPlugin[]): Promise<ChannelStage<ClientPlugin[]>> {
  const stage = new ChannelStage({ plugins });
  await stage.online();
  return stage;
}
const outgoing = (operator: OutgoingOperator) =>
  defineClientPlugin({ name: 'outgoing', setup: (context) => context.outgoing(operator) });
const incoming = (operator: IncomingOperator) =>
  defineClientPlugin({ name: 'incoming', setup: (context) => context.incoming(operator) });

describe('what is published', () => {
  test('passes the operators as the application gave it, and goes on as they made it', async () => {
    const seen: unknown[] = [];
    const stage = await stageWith(
      outgoing(
        map((sent) => {
          if (sent.op !== 'publish') return sent;
          seen.push(sent.data, sent.meta);
          return { ...sent, data: Uint8Array.of(7), meta: { signed: true } };
        }),
      ),
    );
    const data = Uint8Array.of(1, 2);
    void stage.client.channel('a').publish(data, { meta: { unit: 'x' } });
    expect(seen).toEqual([data, { unit: 'x' }]);
    expect(seen[0]).toBe(data);
    expect(stage.server.take()).toMatchObject([
      { op: 'publish', channel: 'a', data: { b64: 'Bw==' }, meta: { signed: true } },
    ]);
  });

  test('is refused where it is held back or an operator fails on it, and passes them again in a retry', async () => {
    let open = false;
    const stage = await stageWith(
      outgoing(filter(() => open)),
      defineClientPlugin({
        name: 'fails',
        setup: (context) =>
          context.outgoing(
            tap(({ op }) => {
              if (op === 'publish') throw broken;
            }),
          ),
      }),
    );
    const error = await failure(stage.client.channel('a').publish(1));
    expect(error).toMatchObject({ code: 'REFUSED', effect: 'none', action: { type: 'publish' } });
    open = true;
    const failed = await failure(error.retry());
    expect(failed).toMatchObject({ code: 'PLUGIN_ERROR', effect: 'none' });
    expect(failed.error.cause).toBe(broken);
    expect(stage.server.take()).toEqual([]);
  });

  test('is all of channels that they see: what is asked for is no business of theirs', async () => {
    const ops: string[] = [];
    const stage = await stageWith(outgoing(tap(({ op }) => ops.push(op))));
    await stage.joined('a');
    void stage.client.channel('a').history();
    void stage.client.channel('a').publish(1);
    expect(ops).toEqual(['publish']);
  });
});

describe('publications', () => {
  test('pass the operators once, before they are handed on, and only where somebody hears them', async () => {
    const seen: unknown[] = [];
    const stage = await stageWith(
      incoming(
        map((delivery) => {
          if (delivery.kind !== 'publication') return delivery;
          seen.push(delivery.publication);
          return { ...delivery, publication: { ...delivery.publication, data: 'opened' } };
        }),
      ),
    );
    const heard = [await stage.joined('a/b', 3), await stage.joined('a/+'), await stage.joined('#')];
    for (const offset of [3, 4]) stage.publication('a/b', offset, { data: { b64: 'AQ==' } });
    const position = { epoch: 'epoch-1', offset: 4 };
    expect(seen).toEqual([{ channel: 'a/b', position, data: Uint8Array.of(1), retained: false }]);
    expect(heard.map((each) => each.heard)).toEqual([['opened'], ['opened'], ['opened']]);
    for (const { off } of heard) off();
    stage.publication('a/b', 5);
    expect(seen).toHaveLength(1);
  });

  test('that are held back, or that an operator fails on, reach nobody and move the position', async () => {
    const stage = await stageWith(
      incoming(
        filter((delivery) => {
          if (delivery.kind !== 'publication') return true;
          if (delivery.publication.data === 'bad') throw broken;
          return delivery.publication.data !== 'held';
        }),
      ),
    );
    const { heard } = await stage.joined('a');
    for (const [i, data] of ['x', 'held', 'bad', 'y', 'held'].entries())
      stage.publication('a', i + 1, { data });
    expect([heard, stage.logs]).toEqual([['x', 'y'], ['error: a plugin failed on what came']]);
    await stage.relink(resumed);
    expect(stage.server.frames[0]).toMatchObject({ resume: { positions: { a: { offset: 5 } } } });
  });

  test('an operator that leaves the channel keeps what passes from whoever has left', async () => {
    const stage: ChannelStage<ClientPlugin[]> = await stageWith(
      incoming(tap(({ kind }) => void (kind === 'publication' && stage.client.channel('a').leave()))),
    );
    const { heard } = await stage.joined('a');
    stage.publication('a', 1);
    expect([heard, await stage.asked()]).toEqual([[], ['unsubscribe a']]);
    expect(await standing(stage.client.channel('a').joined())).toBe('pending');
  });
});
