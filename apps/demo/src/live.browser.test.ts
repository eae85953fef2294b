import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
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
import { umbrellas } from '../test/show-page.ts';
import {
  anotherOf,
  click,
  demo,
  describeInChromium,
  newcomer,
  tabOf,
  tolerate,
  until,
} from '../test/stage.ts';
import { programmePath } from './shared/programme.ts';

const leaf = (page: Page) => page.getByTestId('programme');
const card = (page: Page) => page.getByTestId('card');
const says = (page: Page, text: string) => page.getByText(text, { exact: true }).waitFor();
const live = (page: Page, is = true) =>
  page.locator(`:is([data-testid=programme], [data-testid=card])[data-current=${is}]`).waitFor();
const button = (page: Page, name: string) => page.getByRole('button', { name });
const watches = () => demo.server.stats().plugins.refetch?.watches;

/** Writes another cast, and prints it. */
async function print(page: Page, cast: string): Promise<void> {
  await click(button(page, 'Change the programme'));
  await page.getByLabel('The cast').fill(cast);
  await click(button(page, 'Print it'));
}
const LONG = `${'Llanfairpwllgwyngyll'.repeat(6)} and home.`;
/** A page that is loaded again has forgotten this. */
const mark = (page: Page) => page.evaluate('void (window.stayed = true)');
const stayed = (page: Page) => page.evaluate<boolean>('window.stayed === true');

describeInChromium('what the REST API tells, in Chromium', () => {
  test('a programme that is changed in one window is another one in the other, and that counts as no look', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await says(orla, 'Looked at once');
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await says(teodor, 'Looked at twice');
    await live(teodor);
    for (const page of [orla, teodor]) await mark(page);
    for (const cast of ['The tenth guest:\nWinifred Osei', 'The tenth guest is late.']) {
      await print(orla, cast);
      await leaf(teodor).getByText(cast).waitFor();
      await leaf(orla).locator('.leaf-cast').getByText(cast).waitFor();
    }
    await leaf(teodor)
      .getByText(/^Printed anew at \d\d:\d\d:\d\d\.$/)
      .waitFor();
    expect((await said(orla)).filter((each) => each === 'It is printed.')).toHaveLength(2);
    await announced(teodor, 'Nine Umbrellas: the programme was printed anew.');
    for (const page of [orla, teodor]) {
      await says(page, 'Printing no. 3');
      await says(page, 'Looked at twice');
      expect(await stayed(page)).toBe(true);
    }
    await book(teodor, 'page', programmePath('umbrellas'))
      .filter({ hasText: '200, after a bump' })
      .nth(1)
      .waitFor();
    // Who looks is counted.
    await teodor.reload();
    await says(teodor, 'Looked at 3 times');
  });

  test('one’s card is so in all of one’s tabs', async () => {
    const one = await tabOf('Orla', { path: '/card' });
    await says(one, 'Nothing is known about you yet.');
    const two = await anotherOf(one);
    await says(two, 'Looked at twice');
    await live(two);
    await click(button(one, 'Change the card'));
    expect(await one.getByLabel('Name').count()).toBe(0);
    await one.getByLabel('About you').fill('Says “go”.');
    await click(button(one, 'Write it'));
    await card(two).getByText('Says “go”.').waitFor();
    await card(two)
      .getByText(/^Written anew at/)
      .waitFor();
    await says(two, 'Looked at twice');
  });

  test('of two who write at the same time neither loses their words', async () => {
    tolerate(/status of 412/);
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await click(button(teodor, 'Change the programme'));
    await teodor.getByLabel('The cast').fill('Teodor’s.');
    await print(orla, 'Orla’s.');
    await leaf(teodor).locator('.leaf-cast').getByText('Orla’s.').waitFor();
    expect(await teodor.getByLabel('The cast').inputValue()).toBe('Teodor’s.');
    await click(button(teodor, 'Print it'));
    await leaf(teodor)
      .getByText(/^Somebody was quicker/)
      .waitFor();
    await leaf(orla).locator('.leaf-cast').getByText('Orla’s.').waitFor();
    await click(button(teodor, 'Print it'));
    for (const page of [orla, teodor])
      await leaf(page).locator('.leaf-cast').getByText('Teodor’s.').waitFor();
    await says(orla, 'Printing no. 3');
  });

  test('who is a guest reads programmes, and has a name of their own to change', async () => {
    const guest = await newcomer('Ada Byrne', { path: umbrellas });
    await says(guest, 'Printing no. 1');
    expect(await button(guest, 'Change the programme').count()).toBe(0);
    await click(guest.getByRole('link', { name: 'Your card' }));
    await click(button(guest, 'Change the card'));
    await guest.getByLabel('Name').fill('Ada King');
    await click(button(guest, 'Write it'));
    await card(guest).getByText('Ada King').waitFor();
    await guest.locator('.bar-name').getByText('Ada King').waitFor();
  });

  test('another password shows all other tabs to the door, and this one goes on', async () => {
    tolerate(/status of 401/);
    const one = await newcomer('Ada Byrne', { path: '/card' });
    await says(one, 'You sign in as ada@example.org.');
    const two = await anotherOf(one);
    await live(two);
    const change = async (current: string) => {
      await one.getByLabel('E-mail').fill('Ada@Byrne.example');
      await one.getByLabel('Another password').fill('another horse');
      await one.getByLabel('Your password now').fill(current);
      await click(button(one, 'Change it'));
    };
    await click(button(one, 'Change how you sign in'));
    await focused(one.getByLabel('E-mail'));
    await change('incorrect horse');
    await says(one, 'That is not your password now.');
    await change('correct horse');
    await says(one, 'You sign in as ada@byrne.example.');
    await focused(button(one, 'Change how you sign in'));
    await two.getByRole('alert').filter({ hasText: 'Your password was changed elsewhere.' }).waitFor();

    // The line is the one that was there, and what is watched is told with the new token, also after a reload.
    await live(one);
    expect(await book(one, 'event', 'STATUS_CHANGE').count()).toBe(1);
    const signIn = async (password: string) => {
      await two.getByLabel('E-mail').fill('ada@byrne.example');
      await two.getByLabel('Password').fill(password);
      await click(button(two, 'Sign in'));
    };
    await signIn('correct horse');
    await two.getByRole('alert').filter({ hasText: 'do not go together' }).waitFor();
    await signIn('another horse');
    await live(two);
    await click(button(two, 'Change the card'));
    await two.getByLabel('About you').fill('Counts engines.');
    await click(button(two, 'Write it'));
    await card(one).getByText('Counts engines.').waitFor();
    await one.reload();
    await live(one);
  });

  test('what may be old is marked, and is right again when it can be', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    const teodor = await tabOf('Teodor', { path: umbrellas });
    await live(teodor);
    await click(line(teodor));
    await live(teodor, false);
    await leaf(teodor).getByText('As it was when the line went.').waitFor();
    await print(orla, 'Without a line.');
    await leaf(orla).locator('.leaf-cast').getByText('Without a line.').waitFor();
    expect(await leaf(teodor).getByText('Without a line.').count()).toBe(0);
    await click(line(teodor));
    await leaf(teodor).getByText('Without a line.').waitFor();
    await live(teodor);

    // The database is in trouble: the API answers with 500.
    const { db } = demo.database;
    await db.schema.alterTable('shows').renameTo('mislaid').execute();
    demo.server.refetch.bump(programmePath('umbrellas'));
    await leaf(teodor).getByText('The REST API does not answer (HTTP_500).').waitFor();
    await live(teodor, false);
    await leaf(teodor).getByText('Without a line.').waitFor();
    await db.schema.alterTable('mislaid').renameTo('shows').execute();
    await live(teodor);
  });

  test('leaving a page ends its watch', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await until(() => watches() === 1);
    await click(orla.getByRole('link', { name: 'A Ballet for Moths' }));
    await leaf(orla).getByText('Eleven dancers').waitFor();
    await until(() => watches() === 1);
    await click(orla.getByRole('link', { name: 'Your card' }));
    await card(orla).getByText('Stage manager').waitFor();
    await until(() => watches() === 1);
    await click(orla.getByRole('link', { name: 'The winter bill' }));
    await until(() => watches() === 0);
  });

  test('all of it can be done by keyboard, and the focus goes along', async () => {
    const orla = await tabOf('Orla', { path: umbrellas });
    await leaf(orla).waitFor();
    await tabTo(orla, /^Change the programme$/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await focused(orla.getByLabel('The story'));
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Tab');
    await orla.keyboard.press('Control+A');
    await orla.keyboard.type('By hand.');
    await tabTo(orla, /^Print it$/);
    await orla.keyboard.press('Enter');
    await focused(button(orla, 'Change the programme'));
    await leaf(orla).getByText('By hand.').waitFor();
    await orla.keyboard.press('Enter');
    await tabTo(orla, /^Leave it as it is$/);
    await orla.keyboard.press('Enter');
    await focused(button(orla, 'Change the programme'));
  });

  describe('laid out', () => {
    test.each(sizes)('on %s nothing sticks out, and everything can be hit', async (_, viewport) => {
      const orla = await tabOf('Orla', { path: umbrellas });
      await orla.setViewportSize(viewport);
      const fits = async () => expect([await overhang(orla), await tooSmall(orla)]).toEqual([0, []]);
      const write = async (what: string, label: string, submit: string) => {
        await click(button(orla, what));
        await orla.getByLabel(label).fill(LONG);
        await fits();
        await click(button(orla, submit));
        await orla.getByText(LONG).waitFor();
        await fits();
      };
      await write('Change the programme', 'The story', 'Print it');
      await click(orla.getByRole('link', { name: 'Your card' }));
      await focused(orla.getByRole('heading', { level: 1, name: 'Your card at the stage door' }));
      await write('Change the card', 'About you', 'Write it');
      expect(await headings(orla)).toEqual([1, 2]);
      expect(await orla.title()).toBe('Your card · Tallow Street Theatre');
      expect(await orla.getByRole('main').count()).toBe(1);
    });
  });
});
