import { describe, expect, test } from '@jest/globals';
import {
  announced,
  book,
  focused,
  focusShows,
  headings,
  line,
  overhang,
  said,
  sizes,
  tabTo,
  tooSmall,
} from '../test/page.ts';
import {
  current,
  giveBack,
  heading,
  left,
  mine,
  reserve,
  returned,
  seat,
  subscribers,
  take,
  takeUmbrellas,
  title,
  umbrellas,
} from '../test/show-page.ts';
import {
  anotherOf,
  behindTheScenes,
  click,
  context,
  demo,
  describeInChromium,
  open,
  tabOf,
  tolerate,
  until,
} from '../test/stage.ts';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** What pages that are opened from now on receive of this channel by WebSocket. */
function publicationsTo(channel: string): unknown[] {
  const frames: unknown[] = [];
  context.on('page', (page) =>
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        for (const text of String(payload).split('\n')) {
          const frame = JSON.parse(text) as { op: string; channel?: string };
          if (frame.op === 'publication' && frame.channel === channel) frames.push(frame);
        }
      }),
    ),
  );
  return frames;
}

describeInChromium('the page of a show in Chromium', () => {
  test('a reservation in one window is seen in the other, and said', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    for (const page of [orla, teodor]) await left(page, '24');
    await take(orla, 'A1');
    await left(teodor, '23');
    await teodor.getByRole('img', { name: '23 of 24 seats are left' }).waitFor();
    await seat(teodor, 'A1', 'taken');
    await seat(orla, 'A1', 'mine');
    await teodor.getByText(/^One went at \d\d:\d\d:\d\d\.$/).waitFor();
    await announced(teodor, 'Nine Umbrellas: 23 of 24 seats left.');
    await announced(orla, 'Seat A1 is yours.');
    await take(teodor, 'A2');
    await click(giveBack(orla, 'A1'));
    await returned(orla, 'A1');
    await announced(orla, 'Seat A1 is returned.');
    for (const page of [orla, teodor]) await left(page, '23');
    await teodor.getByText(/^One came back at/).waitFor();
    await seat(orla, 'A2', 'taken');
    await seat(teodor, 'A1', 'free');
    expect(await mine(orla)).toEqual([]);
    expect(await mine(teodor)).toEqual(['A2']);
    await orla.getByText('Two people are looking at this page.').waitFor();
  });

  test('many changes at once are said once', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await left(orla, '24');
    await announced(orla, 'You are online.');
    const others = await Promise.all(['teodor', 'winifred', 'barnaby'].map(behindTheScenes));
    await Promise.all(others.flatMap((client) => range(4).map(() => client.sendToServer(takeUmbrellas))));
    await announced(orla, 'Nine Umbrellas: 12 of 24 seats left.');
    expect(await said(orla)).toEqual(['You are online.', 'Nine Umbrellas: 12 of 24 seats left.']);
  });

  test('who comes late sees how the house is at once', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    for (const name of ['A1', 'A2', 'A3']) await take(orla, name);
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await left(teodor, '21');
    await book(teodor, 'publication', '21 of 24 seats left').filter({ hasText: 'the last value' }).waitFor();
    await orla.reload();
    await left(orla, '21');
    await seat(orla, 'A3', 'mine');
    expect(await mine(orla)).toEqual(['A1', 'A2', 'A3']);
  });

  test('who looks at another show, or at none, is told nothing', async () => {
    const told = publicationsTo('show/umbrellas');
    const moths = await tabOf('Winifred', { path: '/shows/moths' });
    const bill = await tabOf('Barnaby');
    await left(moths, '8');
    expect([subscribers('umbrellas').size, subscribers('moths').size]).toEqual([0, 1]);
    const toThem = told.length;
    const orla = await tabOf('Orla', { path: umbrellas });
    await left(orla, '24');
    expect([...subscribers('umbrellas')].map(({ user }) => user.id)).toEqual(['orla']);
    await take(orla, 'A1');
    await left(orla, '23');
    // What was sent to them before their own replies has arrived.
    await take(moths, 'A1');
    await click(bill.getByRole('button', { name: 'Count the house' }));
    await book(bill, 'reply', 'SEATS_LEFT').nth(1).waitFor();
    expect(toThem).toBe(0);
    for (const page of [moths, bill])
      expect(await book(page, 'publication', 'show/umbrellas').count()).toBe(0);
    expect(told.length).toBe(await book(orla, 'publication', 'show/umbrellas').count());
    expect(await said(bill)).toEqual(['You are online.']);
  });

  test('leaving the page leaves the channel, however one leaves', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await until(() => subscribers('umbrellas').size === 1);
    await book(orla, 'channel', 'show/umbrellas joined').waitFor();
    await click(orla.getByRole('link', { name: 'A Ballet for Moths' }));
    await left(orla, '8');
    await until(() => subscribers('umbrellas').size === 0 && subscribers('moths').size === 1);
    await book(orla, 'channel', 'show/umbrellas left').waitFor();
    await click(orla.getByRole('link', { name: 'The winter bill' }));
    await heading(orla, 'Tallow Street Theatre');
    await until(() => subscribers('moths').size === 0);
    await orla.goBack();
    await until(() => subscribers('moths').size === 1);
    const another = await anotherOf(orla);
    await left(another, '8');
    expect(subscribers('moths').size).toBe(2);
    await another.close();
    await until(() => subscribers('moths').size === 1);
    await click(orla.getByRole('button', { name: 'Leave' }));
    await until(() => subscribers('moths').size === 0);
  });

  test('each show has its address, its title, and its place in the history', async () => {
    const orla = await tabOf('Orla');
    const poster = orla.getByRole('link', { name: 'A Ballet for Moths' });
    await poster.scrollIntoViewIfNeeded();
    const scrolled = await orla.evaluate(() => scrollY);
    const scrolledTo = (y: number) => orla.waitForFunction((y) => scrollY === y, y);
    expect(await orla.title()).toBe('Orla Finch at Tallow Street');
    await click(poster);
    await heading(orla, 'A Ballet for Moths');
    expect(new URL(orla.url()).pathname).toBe('/shows/moths');
    expect(await orla.title()).toBe('A Ballet for Moths · Tallow Street Theatre');
    await focused(title(orla, 'A Ballet for Moths'));
    await scrolledTo(0);
    await click(orla.getByRole('link', { name: 'The Weather Indoors' }));
    await heading(orla, 'The Weather Indoors');
    await focused(title(orla, 'The Weather Indoors'));
    await orla.goBack();
    await heading(orla, 'A Ballet for Moths');
    await orla.goBack();
    await heading(orla, 'Tallow Street Theatre');
    expect(await orla.title()).toBe('Orla Finch at Tallow Street');
    await focused(poster);
    await scrolledTo(scrolled);
    await orla.goForward();
    await heading(orla, 'A Ballet for Moths');
    await orla.reload();
    await heading(orla, 'A Ballet for Moths');
    await left(orla, '8');
  });

  test('a show that there is not is not on the bill', async () => {
    tolerate(/status of 404/);
    const orla = await tabOf('Orla', { path: '/shows/hamlet' });
    await heading(orla, 'Not on the bill');
    await click(orla.getByRole('link', { name: 'The winter bill' }));
    await heading(orla, 'Tallow Street Theatre');
  });

  test('when the last seat goes it is sold out, until one comes back', async () => {
    await demo.stop();
    await open({ seats: 1 });
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await take(orla, 'A1');
    for (const page of [orla, teodor]) {
      await left(page, '0');
      await page.getByText('Sold out', { exact: true }).waitFor();
      expect(await reserve(page).getAttribute('aria-disabled')).toBe('true');
    }
    await announced(teodor, 'Nine Umbrellas: sold out.');
    await click(giveBack(orla, 'A1'));
    await left(teodor, '1');
    await take(teodor, 'A1');
    await left(orla, '0');
  });

  test('who is too late is told so, and may try again', async () => {
    await demo.stop();
    await open({ seats: 1 });
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await click(line(teodor));
    await current(teodor, false);
    await take(orla, 'A1');
    await click(reserve(teodor));
    await click(line(teodor));
    const slip = teodor.getByRole('alert').filter({ hasText: 'SOLD OUT' });
    await slip.filter({ hasText: 'Somebody was quicker' }).waitFor();
    await click(giveBack(orla, 'A1'));
    await left(teodor, '1');
    await click(slip.getByRole('button', { name: 'Try again' }));
    await giveBack(teodor, 'A1').waitFor();
    expect(await slip.count()).toBe(0);
  });

  test('four each', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    for (const name of ['A1', 'A2', 'A3', 'A4']) await take(orla, name);
    await orla.getByText('You hold four').waitFor();
    expect(await reserve(orla).getAttribute('aria-disabled')).toBe('true');
    await left(orla, '20');
  });

  test('what is one’s own is so in all of one’s tabs, and on the first page', async () => {
    const one = await tabOf('Orla');
    await click(one.getByRole('button', { name: 'Take a seat', exact: true }));
    await one.getByLabel('Your seat').getByText('A1').waitFor();
    await click(one.getByRole('link', { name: 'Watch the house fill' }));
    await giveBack(one, 'A1').waitFor();
    const two = await anotherOf(one);
    await giveBack(two, 'A1').waitFor();
    await take(two, 'A2');
    await giveBack(one, 'A2').waitFor();
    await click(giveBack(two, 'A1'));
    await returned(one, 'A1');
    await one.goBack();
    await one.getByRole('img', { name: '23 of 24 seats are left; yours: A2' }).waitFor();
    await one.getByLabel('Your seat').getByText('No seat yet').waitFor();
    expect(demo.houses.of('understudy').state.taken).toEqual(['A2']);
  });

  test('all of it can be done by keyboard', async () => {
    const orla = await tabOf('Orla');
    await tabTo(orla, /A Ballet for Moths/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await left(orla, '8');
    await focused(title(orla, 'A Ballet for Moths'));
    await tabTo(orla, /^Reserve a seat$/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await giveBack(orla, 'A1').waitFor();
    await reserve(orla).waitFor();
    await orla.keyboard.press('Enter');
    await giveBack(orla, 'A2').waitFor();
    await tabTo(orla, /^Return seat A1$/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await returned(orla, 'A1');
    // The button is gone, and the focus is not lost.
    await focused(orla.getByRole('heading', { name: 'Your seats' }));
    await tabTo(orla, /^Return seat A2$/);
    await tabTo(orla, /^Mrs Abernathy Declines/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await heading(orla, 'Mrs Abernathy Declines');
  });

  test('what moves does not for those who would rather it did not', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await take(orla, 'A1');
    await left(orla, '23');
    const animation = () =>
      orla.locator('.tally-left strong').evaluate((each) => getComputedStyle(each).animationName);
    expect(await animation()).toBe('none');
    await orla.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await animation()).toBe('hung');
  });

  describe('laid out', () => {
    test.each(sizes)('on %s nothing sticks out, and everything can be hit', async (_, viewport) => {
      const orla = await tabOf('Orla', { path: '/shows/understudy' });
      await orla.setViewportSize(viewport);
      for (const name of ['A1', 'A2', 'A3', 'A4']) await take(orla, name);
      expect(await overhang(orla)).toBeLessThanOrEqual(0);
      expect(await tooSmall(orla)).toEqual([]);
      await click(line(orla));
      await current(orla, false);
      await click(giveBack(orla, 'A1'));
      expect(await overhang(orla)).toBeLessThanOrEqual(0);
    });

    test('headings follow each other, and there is one main part', async () => {
      const orla = await tabOf('Orla', { path: umbrellas });
      await left(orla, '24');
      await orla.getByRole('heading', { name: 'The cast' }).waitFor();
      const levels = await headings(orla);
      expect(levels).toEqual([1, 2, 3, 3, 2, 3, 3, 2, 2]);
      expect(await orla.getByRole('main').count()).toBe(1);
      expect(await orla.getByRole('banner').count()).toBe(1);
      expect(await orla.getByRole('navigation').count()).toBe(1);
    });
  });
});
