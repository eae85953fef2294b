import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Network } from '../test/network.ts';
import { announced, book, line, online } from '../test/page.ts';
import {
  current,
  giveBack,
  left,
  mine,
  reserve,
  returned,
  subscribers,
  take,
  takeUmbrellas,
  umbrellas,
} from '../test/show-page.ts';
import {
  behindTheScenes,
  click,
  demo,
  describeInChromium,
  open,
  port,
  tabOf,
  tolerate,
  until,
} from '../test/stage.ts';

describeInChromium('the page of a show whose line goes down', () => {
  test('while the line is down the number is marked, and afterwards it is that of everybody', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await take(orla, 'A1');
    await left(teodor, '23');
    await click(line(orla));
    await current(orla, false);
    await orla.getByTestId('house').getByText('As it was when the line went.').waitFor();
    for (const name of ['A2', 'A3', 'A4']) await take(teodor, name);
    await left(orla, '23');
    // What is asked for meanwhile waits.
    await click(reserve(orla));
    await orla.getByRole('button', { name: 'Asking …' }).waitFor();
    await click(line(orla));
    await giveBack(orla, 'A5').waitFor();
    await current(orla);
    for (const page of [orla, teodor]) await left(page, '19');
    await announced(orla, 'Nine Umbrellas: 19 of 24 seats left.');
    expect(await book(orla, 'gap', 'GAP').count()).toBe(0);
  });

  test('who was away for longer than is kept has the last value, and no note is missed', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await left(orla, '24');
    await click(line(orla));
    await current(orla, false);
    const teodor = await behindTheScenes('teodor');
    for (let i = 0; i < 11; i++) {
      await teodor.sendToServer(takeUmbrellas);
      await teodor.sendToServer({ type: 'RETURN_SEAT', show: 'umbrellas', seat: 'A1' });
    }
    await teodor.sendToServer(takeUmbrellas);
    await click(line(orla));
    await left(orla, '23');
    await book(orla, 'gap', 'show/umbrellas').waitFor();
    await current(orla);
    await click(orla.getByRole('link', { name: 'The winter bill' }));
    await orla.getByRole('heading', { name: 'Pigeonholes' }).waitFor();
    expect(await orla.getByText('may be missing').count()).toBe(0);
  });

  describe('behind a network that can break', () => {
    let network: Network;
    beforeEach(async () => {
      network = await Network.to(port);
      tolerate(/WebSocket connection to .* failed|ERR_CONNECTION|ERR_EMPTY_RESPONSE/);
    });
    afterEach(() => network.close());

    test('a seat and a return whose answers are lost take effect once', async () => {
      const orla = await tabOf('Orla', { at: network.port, path: umbrellas });
      await left(orla, '24');
      const slip = orla.getByRole('alert').filter({ hasText: 'CONNECTION LOST' });
      network.swallowAnswers();
      await click(reserve(orla));
      await until(() => demo.houses.of('umbrellas').left === 23);
      network.cut();
      await slip.filter({ hasText: 'The seat may have gone through all the same.' }).waitFor();
      await current(orla, false);
      network.mend();
      await online(orla);
      await click(slip.getByRole('button', { name: 'Try again' }));
      await announced(orla, 'Seat A1 is yours.');
      await left(orla, '23');

      network.swallowAnswers();
      await click(giveBack(orla, 'A1'));
      await until(() => demo.houses.of('umbrellas').left === 24);
      network.cut();
      await slip.filter({ hasText: 'The return may have gone through all the same.' }).waitFor();
      network.mend();
      await online(orla);
      await click(slip.getByRole('button', { name: 'Try again' }));
      await announced(orla, 'Seat A1 is returned.');
      await left(orla, '24');
      await returned(orla, 'A1');
      expect(await mine(orla)).toEqual([]);
      expect(await slip.count()).toBe(0);
    });
  });

  test('when the server is started anew, the page has the seats of the new one', async () => {
    tolerate(/WebSocket connection to .* failed|ERR_CONNECTION/);
    const secret = 'a secret of this test, 32 bytes long or more';
    await demo.stop();
    await open({ secret });
    const orla = await tabOf('Orla', { path: umbrellas });
    await take(orla, 'A1');
    await left(orla, '23');
    await demo.stop();
    await open({ secret, port });
    await left(orla, '24');
    await current(orla);
    await until(() => subscribers('umbrellas').size === 1);
    await orla.getByText('None yet.').waitFor();
    await take(orla, 'A1');
    await left(orla, '23');
  });

  describe('without WebSocket', () => {
    test('all of it goes over HTTP', async () => {
      const orla = await tabOf('Orla', { path: umbrellas, before: 'delete globalThis.WebSocket' });
      const teodor = await tabOf('Teodor', { path: umbrellas });
      const transports = () =>
        [...subscribers('umbrellas')].map(({ user, transport }) => [user.id, transport]).sort();
      await until(() => subscribers('umbrellas').size === 2);
      expect(transports()).toEqual([
        ['orla', 'http'],
        ['teodor', 'websocket'],
      ]);
      await take(teodor, 'A1');
      await left(orla, '23');
      await announced(orla, 'Nine Umbrellas: 23 of 24 seats left.');
      await take(orla, 'A2');
      await left(teodor, '22');
      // And over a connection that was lost.
      await click(line(orla));
      await current(orla, false);
      await take(teodor, 'A3');
      await click(line(orla));
      await left(orla, '21');
      await click(giveBack(orla, 'A2'));
      await left(teodor, '22');
      await click(orla.getByRole('link', { name: 'The winter bill' }));
      await until(() => transports().length === 1);
      expect(transports()).toEqual([['teodor', 'websocket']]);
    });
  });
});
