import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { announced, book, said } from '../test/page.ts';
import { umbrellas } from '../test/show-page.ts';
import { anotherOf, click, demo, describeInChromium, tabOf } from '../test/stage.ts';
import { programmePath } from './shared/programme.ts';

const leaf = (page: Page) => page.getByTestId('programme');
const card = (page: Page) => page.getByTestId('card');
const says = (page: Page, text: string) => page.getByText(text, { exact: true }).waitFor();
const live = (page: Page, is = true) =>
  page
    .locator(`.live-line >> xpath=..`)
    .and(page.locator(`[data-current=${is}]`))
    .waitFor();
const button = (page: Page, name: string) => page.getByRole('button', { name });
const _watches = () => demo.server.stats().plugins.refetch?.watches;

/** Writes another cast, and prints it. */
async function print(page: Page, cast: string): Promise<void> {
  await click(button(page, 'Change the programme'));
  await page.getByLabel('The cast').fill(cast);
  await click(button(page, 'Print it'));
}
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
    await announced(teodor, 'Nine Umbrellas: the programme was printed anew.');
    await said(orla).then((all) => expect(all.filter((each) => each === 'It is printed.')).toHaveLength(2));
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
});
