import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { hourMs, notice } from '../test/api.ts';
import {
  announced,
  focused,
  focusShows,
  headings,
  online,
  overhang,
  sizes,
  tabTo,
  texts,
  tooSmall,
} from '../test/page.ts';
import {
  anotherContext,
  anotherOf,
  click,
  context,
  demo,
  describeInChromium,
  newcomer,
  open,
  port,
  tabOf,
  tolerate,
} from '../test/stage.ts';
import { localInput } from './page/events/times.ts';

const unread = (page: Page, count: number) =>
  page.getByTestId('unread').getByText(`${count}`, { exact: true }).waitFor();
const bell = (page: Page) => page.getByRole('button', { name: 'Notices' });
const notices = (page: Page) => page.getByTestId('notices').locator('li');
const toasts = (page: Page) => page.getByTestId('toast');
const slip = (page: Page, headline: string) => page.getByRole('link', { name: headline });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor();

/** Posted by one of the company, with somebody down for it. */
async function posted(
  owner: string,
  headline: string,
  inHours: number,
  down: readonly string[] = [],
  state = 'public',
) {
  const { id } = await demo.events.post(owner, notice(inHours, { headline, state: state as 'public' }));
  for (const each of down) await demo.events.subscribe(id, each);
  await demo.notices.catchUp();
  return id;
}

/** On the page of the callboard: the hands are moved, and the clock shows it. */
async function later(page: Page, by: 'An hour later' | 'A day later') {
  const time = page.getByTestId('theatre-time');
  const was = Number(await time.getAttribute('data-ahead-ms'));
  await click(button(page, by));
  const is = was + (by === 'An hour later' ? 1 : 24) * hourMs;
  await page.locator(`[data-testid=theatre-time][data-ahead-ms="${is}"]`).waitFor();
}

/** One of the tabs has it: which one is the server’s to say. */
async function toastIn(tabs: readonly Page[]): Promise<Page> {
  return Promise.any(
    tabs.map(async (tab) =>
      toasts(tab)
        .waitFor()
        .then(() => tab),
    ),
  );
}

describeInChromium('the callboard in Chromium', () => {
  test('sign up, post, put down, let time pass: a toast in one tab, the bell in all, and read is read everywhere', async () => {
    const ada = await newcomer('Ada Byrne', { path: '/board/new' });
    await ada.getByLabel('Headline').fill('Read-through');
    await ada.getByLabel('Place').fill('The <b>wings</b>');
    await ada.getByLabel('Begins').fill(localInput(Date.now() + 26 * hourMs));
    await ada.getByLabel('What it is').fill('Bring the book.');
    await click(button(ada, 'Put it up'));
    await heading(ada, 'Read-through');

    const one = await tabOf('Teodor', { within: await anotherContext(), path: '/board' });
    await click(slip(one, 'Read-through'));
    await one.getByText('Who is down for it is told a day before and an hour before.').waitFor();
    await click(button(one, 'Put me down'));
    await one.getByText('You alone are down for it.').waitFor();
    await announced(one, 'You are down for Read-through.');
    const two = await anotherOf(one);
    const winifred = await tabOf('Winifred', { within: await anotherContext() });

    await click(ada.getByRole('link', { name: 'Back to the callboard' }));
    await ada.getByText('One is down for it').waitFor();
    await later(ada, 'An hour later');
    await later(ada, 'An hour later');
    for (const tab of [one, two]) await unread(tab, 1);
    const alerted = await toastIn([one, two]);
    await announced(alerted, 'A notice: Read-through, in 23 hours, The <b>wings</b>.');
    const silent = alerted === one ? two : one;
    await click(bell(silent));
    expect(await notices(silent).locator('.bell-headline').allInnerTexts()).toEqual([
      expect.stringContaining('Read-through'),
    ]);
    expect(await toasts(silent).count()).toBe(0);

    await click(button(silent, 'Mark all read'));
    for (const tab of [one, two]) await unread(tab, 0);
    await toasts(alerted).waitFor({ state: 'detached' });
    await alerted.reload();
    await online(alerted);
    await click(bell(alerted));
    await notices(alerted).waitFor();
    await unread(alerted, 0);
    await click(silent.getByRole('button', { name: 'Dismiss Read-through' }));
    for (const tab of [one, two]) await notices(tab).waitFor({ state: 'detached' });
    for (const page of [ada, winifred]) {
      await unread(page, 0);
      expect(await toasts(page).count()).toBe(0);
    }
  });

  test('who was not there finds it; following it reads it', async () => {
    await posted('orla', 'Wig fitting', 25, ['teodor']);
    const orla = await tabOf('Orla', { path: '/board' });
    await later(orla, 'An hour later');
    const teodor = await tabOf('Teodor');
    await unread(teodor, 1);
    await click(toasts(teodor).getByRole('link', { name: 'See the notice' }));
    await heading(teodor, 'Wig fitting');
    await unread(teodor, 0);
    await toasts(teodor).waitFor({ state: 'detached' });
  });

  test('what is moved is told of again; what becomes a draft is gone, from the bell as well', async () => {
    const id = await posted('orla', 'Fight call', 25, ['teodor']);
    const [orla, teodor] = [await tabOf('Orla', { path: '/board' }), await tabOf('Teodor')];
    await later(orla, 'An hour later');
    await unread(teodor, 1);
    await click(slip(orla, 'Fight call'));
    await click(button(orla, 'Change it'));
    await orla.getByLabel('Begins').fill(localInput(Date.now() + 27 * hourMs));
    await click(button(orla, 'Change it'));
    await unread(teodor, 0);
    await click(orla.getByRole('link', { name: 'Back to the callboard' }));
    for (let i = 0; i < 3; i++) await later(orla, 'An hour later');
    await unread(teodor, 1);

    await click(slip(orla, 'Fight call'));
    await click(button(orla, 'Change it'));
    await click(orla.getByLabel('Nobody yet'));
    await click(button(orla, 'Change it'));
    await orla.getByText('A draft. Put up by you').waitFor();
    await unread(teodor, 0);
    tolerate(/404/);
    await teodor.goto(`http://127.0.0.1:${port}/board/${id}`);
    await heading(teodor, 'Not on the board');
  });

  test('of two tabs of its owner neither changes a notice over the other’s head, nor loses what was written', async () => {
    tolerate(/status of 412/);
    const id = await posted('orla', 'Fight call', 25, []);
    const one = await tabOf('Orla', { path: `/board/${id}` });
    const two = await anotherOf(one);
    for (const [page, place] of [
      [two, 'The yard'],
      [one, 'The roof'],
    ] as const) {
      await click(button(page, 'Change it'));
      await page.getByLabel('Place').fill(place);
    }
    await click(button(two, 'Change it'));
    await two.locator('.poster-line').getByText('The yard').waitFor();
    await click(button(one, 'Change it'));
    await one.getByRole('alert').filter({ hasText: 'Somebody was quicker' }).waitFor();
    await one.locator('.poster-line').getByText('The yard').waitFor();
    expect(await one.getByLabel('Place').inputValue()).toBe('The roof');
    await click(button(one, 'Change it'));
    await one.locator('.poster-line').getByText('The roof').waitFor();
  });

  test('what is over is off the board, and its notice out of the bell', async () => {
    await posted('orla', 'Half-hour call', 1.5, ['teodor']);
    const [orla, teodor] = [
      await tabOf('Orla', { path: '/board' }),
      await tabOf('Teodor', { path: '/board' }),
    ];
    // It is within the day, and then within the hour.
    await unread(teodor, 1);
    await later(orla, 'An hour later');
    await unread(teodor, 2);
    await later(orla, 'An hour later');
    await unread(teodor, 0);
    await slip(teodor, 'Half-hour call').waitFor({ state: 'detached' });
    await slip(orla, 'Half-hour call').getByText('begun').waitFor();
  });

  test('what does not work says why', async () => {
    await demo.stop();
    await open({ limits: { eventsEach: 1, subscriptionsEach: 1 } });
    for (const [owner, headline] of [
      ['orla', 'One'],
      ['winifred', 'Other'],
    ] as const)
      await posted(owner, headline, 26, headline === 'One' ? ['teodor'] : []);
    tolerate(/409/);
    const teodor = await tabOf('Teodor', { path: '/board' });
    await click(slip(teodor, 'Other'));
    await click(button(teodor, 'Put me down'));
    await teodor.getByRole('alert').filter({ hasText: 'You are down for as many as one may.' }).waitFor();
    const orla = await tabOf('Orla', { path: '/board/new' });
    await orla.getByLabel('Headline').fill('Another');
    await orla.getByLabel('Place').fill('Anywhere');
    await click(button(orla, 'Put it up'));
    await orla.getByRole('alert').filter({ hasText: 'You have posted as many as one may.' }).waitFor();
    expect(await orla.getByLabel('Headline').inputValue()).toBe('Another');
  });

  test('it is used by keyboard alone, and one sees where one is', async () => {
    const id = await posted('orla', 'Wig fitting', 25);
    const teodor = await tabOf('Teodor', { path: `/board/${id}` });
    await focused(teodor.getByRole('heading', { level: 1 }));
    await teodor.bringToFront();
    await tabTo(teodor, /^Put me down$/);
    expect(await focusShows(teodor)).toBe(true);
    await teodor.keyboard.press('Enter');
    await button(teodor, 'Strike me off').waitFor();
    demo.clock.set(hourMs);
    await unread(teodor, 1);
    await bell(teodor).focus();
    await teodor.keyboard.press('Enter');
    await tabTo(teodor, /^Mark all read$/);
    expect(await focusShows(teodor)).toBe(true);
    await teodor.keyboard.press('Escape');
    await focused(bell(teodor));
    expect(await bell(teodor).getAttribute('aria-expanded')).toBe('false');
  });

  test('fits every screen: the board, a notice, one’s own, the form, the bell and a toast', async () => {
    const long = 'A notice with a headline as long as it may be, of words that are not short at all';
    const id = await posted('orla', long.slice(0, 80), 25, ['teodor']);
    const own = await posted('teodor', 'x'.repeat(80), 30, ['orla'], 'private');
    const page = await tabOf('Teodor', { path: '/board' });
    demo.clock.set(hourMs);
    await unread(page, 1);
    const levels: Readonly<Record<string, readonly number[]>> = {
      '/board': [1, 2, 3, 2, 3],
      [`/board/${id}`]: [1, 2],
      [`/board/${own}`]: [1, 2],
      '/board/new': [1],
    };
    for (const [name, viewport] of sizes) {
      await page.setViewportSize(viewport);
      for (const [path, wanted] of Object.entries(levels)) {
        await page.goto(`http://127.0.0.1:${port}${path}`);
        await online(page);
        await page.locator('main h1').waitFor();
        if (path === '/board') await page.locator('.pinned').nth(1).waitFor();
        if (path.endsWith(own)) await click(button(page, 'Change it'));
        await unread(page, 1);
        await click(bell(page));
        await notices(page).waitFor();
        expect([name, path, await overhang(page), await tooSmall(page), await headings(page)]).toEqual([
          name,
          path,
          0,
          [],
          wanted,
        ]);
      }
    }
  });

  test('the documentation of the API shows all of it, and comes from here alone', async () => {
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`http://127.0.0.1:${port}/docs`);
    await page.locator('.opblock').nth(17).waitFor();
    expect(await texts(page.locator('.opblock-summary-path'))).toHaveLength(18);
    await click(page.locator('.opblock-summary-control').first());
    await page.locator('.opblock-body').first().waitFor();
    expect(asked.length).toBeGreaterThan(3);
    for (const url of asked) expect(url).toMatch(new RegExp(`^(http://127\\.0\\.0\\.1:${port}/docs|data:)`));
  });

  test('in production nobody of the company is at the door, and no hand moves the clock', async () => {
    await demo.stop();
    await open({ production: true, secret: 'a secret of this test, 32 bytes long or more' });
    const door = await context.newPage();
    await door.goto(`http://127.0.0.1:${port}/board`);
    await door.getByRole('list', { name: 'The company' }).waitFor({ state: 'detached' });
    const page = await newcomer('Ada Byrne', { path: '/board' });
    await heading(page, 'The Callboard');
    expect(await button(page, 'An hour later').count()).toBe(0);
  });
});
