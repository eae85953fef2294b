import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { announced, headings, line, online, overhang, sizes, texts, tooSmall } from '../test/page.ts';
import { anotherOf, click, demo, describeInChromium, open, tabOf } from '../test/stage.ts';

const person = (page: Page, name: string) => page.locator(`.green-room [data-person^=${name}]`);
const state = (page: Page, name: string, words: RegExp) =>
  person(page, name).locator('.person-state').getByText(words).waitFor();
const lamp = (page: Page, name: string, status: string) =>
  person(page, name).locator(`.avatar[data-presence=${status}]`).waitFor();
const choose = (page: Page, choice: string) =>
  page.getByLabel('You are seen').selectOption({ label: choice });
const note = (page: Page) => page.getByRole('textbox', { name: 'Note' });
const lookers = (page: Page) => texts(page.locator('.lookers .person-name'));

/** As the browser does it when another tab is in front, or a window over it. */
const shown = (page: Page, is: 'visible' | 'hidden') =>
  page.evaluate(`Object.defineProperty(document, 'visibilityState', { get: () => '${is}', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);

describeInChromium('presence in Chromium', () => {
  test('of two windows one is hidden: the other one sees its user away, and here again when it is shown', async () => {
    const teodor = await tabOf('Teodor');
    await state(teodor, 'Orla', /^not in$/);
    const orla = await tabOf('Orla', { clock: true });
    await state(teodor, 'Orla', /^here$/);
    await shown(orla, 'hidden');
    await orla.clock.runFor(6_000);
    await state(teodor, 'Orla', /^away since/);
    await lamp(teodor, 'Orla', 'AWAY');
    await announced(orla, 'You are away.');
    await shown(orla, 'visible');
    await state(teodor, 'Orla', /^here$/);
    // Of two tabs the one that is seen counts.
    const another = await anotherOf(orla);
    await shown(orla, 'hidden');
    await orla.clock.runFor(6_000);
    await click(note(another));
    await state(teodor, 'Orla', /^here$/);
  });

  test('who closes or reloads a window, or cuts its line, is gone only after a while', async () => {
    await demo.stop({ graceMs: 100 });
    await open({ patience: { graceAfterCloseMs: 1_500, graceMs: 3_000 } });
    const teodor = await tabOf('Teodor');
    const orla = await tabOf('Orla');
    await state(teodor, 'Orla', /^here$/);
    await teodor.evaluate(`(() => {
      globalThis.seen = [];
      const state = document.querySelector('.green-room [data-person^=Orla] .person-state');
      new MutationObserver(() => globalThis.seen.push(state.textContent))
        .observe(state, { childList: true, characterData: true, subtree: true });
    })()`);
    const seen = () => teodor.evaluate<string[]>('globalThis.seen');
    const two = await anotherOf(orla);
    await two.close();
    for (let i = 0; i < 2; i++) {
      await orla.reload();
      await online(orla);
    }
    await click(line(orla));
    await orla.locator('[data-testid=status][data-lamp=cut]').waitFor();
    await click(line(orla));
    await online(orla);
    expect(await seen()).toEqual([]);
    await orla.close();
    await state(teodor, 'Orla', /^last in at/);
    await lamp(teodor, 'Orla', 'OFFLINE');
    expect(await seen()).toHaveLength(1);
  });

  test('a choice holds on all tabs: away, not to be disturbed, not in', async () => {
    const teodor = await tabOf('Teodor');
    const one = await tabOf('Orla');
    const two = await anotherOf(one);
    await choose(one, 'Not to be disturbed');
    await state(teodor, 'Orla', /^here, not to be disturbed$/);
    await two.locator('#seen-as').and(two.locator('select')).waitFor();
    await two.waitForFunction(`document.querySelector('#seen-as').value === 'doNotDisturb'`);
    await choose(two, 'Away');
    await state(teodor, 'Orla', /^away since/);
    await choose(two, 'Not in');
    await state(teodor, 'Orla', /^last in at/);
    // To oneself one is there.
    await one.locator('[data-testid=status][data-lamp=online]').waitFor();
    await choose(two, 'As you are');
    await state(teodor, 'Orla', /^here$/);
  });

  test('who writes a note is seen to, until it is sent or left', async () => {
    const [teodor, orla] = [await tabOf('Teodor'), await tabOf('Orla')];
    await note(orla).pressSequentially('Break a');
    await state(teodor, 'Orla', /is writing/);
    await note(orla).blur();
    await state(teodor, 'Orla', /^here$/);
  });

  test('who looks at a show sees who else does', async () => {
    const orla = await tabOf('Orla', { path: '/shows/umbrellas' });
    const teodor = await tabOf('Teodor', { path: '/shows/umbrellas' });
    for (const page of [orla, teodor]) await page.locator('.lookers li').nth(1).waitFor();
    expect((await lookers(orla)).sort()).toEqual([expect.stringMatching(/^Teodor/), 'You']);
    await click(teodor.getByRole('link', { name: /bill/i }).first());
    await orla.locator('.lookers [data-person^=Teodor]').waitFor({ state: 'detached' });
    expect(await lookers(orla)).toEqual(['You']);
  });

  test('who is not in for others is nowhere: not at a show, not at a note; and is back when they are', async () => {
    await demo.stop({ graceMs: 100 });
    await open({ patience: { graceAfterCloseMs: 500 } });
    const [desk, orla] = [await tabOf('Orla'), await tabOf('Orla', { path: '/shows/umbrellas' })];
    const teodor = await tabOf('Teodor', { path: '/shows/umbrellas' });
    await teodor.locator('.lookers [data-person^=Orla]').waitFor();
    await choose(desk, 'Not in');
    await teodor.locator('.lookers [data-person^=Orla]').waitFor({ state: 'detached' });
    await orla.locator('.lookers').getByText('You are not seen here.').waitFor();
    await orla.getByText('One person is seen to look at this page.').waitFor();
    await teodor.getByText('You alone are looking at this page.').waitFor();
    expect(await lookers(orla)).toEqual([expect.stringMatching(/^Teodor/)]);
    const teodorsDesk = await tabOf('Teodor');
    await state(teodorsDesk, 'Orla', /^last in at/);
    await teodorsDesk.evaluate(`(() => {
      globalThis.seen = [];
      const person = document.querySelector('.green-room [data-person^=Orla]');
      new MutationObserver(() => globalThis.seen.push(person.textContent))
        .observe(person, { childList: true, characterData: true, subtree: true });
    })()`);
    await note(desk).pressSequentially('Break a');
    await (await anotherOf(desk)).close();
    // What is told now is told after whatever there was.
    await choose(desk, 'As you are');
    await state(teodorsDesk, 'Orla', /is writing|^here$/);
    expect(await teodorsDesk.evaluate<string[]>('globalThis.seen.slice(0, -1)')).toEqual([]);
    await teodor.locator('.lookers [data-person^=Orla]').waitFor();
  });

  test.each(sizes)('fits %s', async (_, size) => {
    const teodor = await tabOf('Teodor');
    await teodor.setViewportSize(size);
    await state(teodor, 'Orla', /not in/);
    expect([await overhang(teodor), await tooSmall(teodor)]).toEqual([0, []]);
    await teodor.goto(`${new URL(teodor.url()).origin}/shows/umbrellas`);
    await teodor.locator('.lookers li').waitFor();
    expect([await overhang(teodor), await tooSmall(teodor)]).toEqual([0, []]);
    expect((await headings(teodor)).filter((level, i, all) => level - (all[i - 1] ?? 0) > 1)).toEqual([]);
  });
});
