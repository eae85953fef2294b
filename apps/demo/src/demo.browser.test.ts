import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Network } from '../test/network.ts';
import {
  announced,
  badge,
  book,
  down,
  focused,
  focusShows,
  headings,
  line,
  online,
  overhang,
  said,
  sizes,
  tabTo,
  texts,
  tooSmall,
} from '../test/page.ts';
import {
  anotherOf,
  click,
  context,
  demo,
  describeInChromium,
  open,
  port,
  tabOf,
  tolerate,
  until,
} from '../test/stage.ts';

const poster = (page: Page, title: string) =>
  page.getByRole('button', { name: `Shortlist ${title}`, exact: true });
const pressed = (page: Page, title: string, is = true) =>
  page.locator(`button[aria-pressed=${is}]`, { hasText: title }).waitFor();
const shortlist = (page: Page) => texts(page.locator('.shortlist .cast-title'));
const notes = (page: Page) => texts(page.locator('.note-text'));
const note = (page: Page, text: string) => page.locator('.note-text', { hasText: text }).waitFor();

async function write(page: Page, to: string, text: string): Promise<void> {
  const sent = await page.locator('.sent').count();
  const form = page.locator('.note-form');
  const option = form.locator('option', { hasText: to });
  await form.getByLabel('To').selectOption(await option.getAttribute('value'));
  await form.getByLabel('Note').fill(text);
  await click(form.getByRole('button', { name: 'Send' }));
  await page.locator('.sent:not([data-state=sending])').nth(sent).waitFor();
}

/** Whatever was sent to the page before this has arrived once it has its answer: a connection keeps order. */
async function settle(page: Page): Promise<void> {
  const replies = await book(page, 'reply', 'SEATS_LEFT').count();
  await click(page.getByRole('button', { name: 'Count the house' }));
  await book(page, 'reply', 'SEATS_LEFT').nth(replies).waitFor();
}

describeInChromium('the box office in Chromium', () => {
  test('the shortlist is equal in all tabs of a user, and in nobody else’s', async () => {
    const one = await tabOf('Orla');
    const two = await anotherOf(one);
    const teodor = await tabOf('Teodor');
    await click(poster(one, 'Nine Umbrellas'));
    await pressed(two, 'Nine Umbrellas');
    await click(poster(two, 'A Ballet for Moths'));
    await pressed(one, 'A Ballet for Moths');
    await click(one.getByRole('button', { name: 'Strike Nine Umbrellas' }));
    await pressed(two, 'Nine Umbrellas', false);
    for (const page of [one, two, teodor]) await settle(page);
    for (const page of [one, two]) expect(await shortlist(page)).toEqual(['A Ballet for Moths']);
    expect(await shortlist(teodor)).toEqual([]);
    // A tab that comes later has it too, and one that is loaded again.
    const three = await anotherOf(two);
    await pressed(three, 'A Ballet for Moths');
    await one.reload();
    await pressed(one, 'A Ballet for Moths');
    expect(await shortlist(one)).toEqual(['A Ballet for Moths']);
  });

  test('a note reaches each tab of another user, once', async () => {
    const one = await tabOf('Orla');
    const two = await anotherOf(one);
    const teodor = await tabOf('Teodor');
    await write(teodor, 'Orla', '<b>Where</b> is the skull?');
    await teodor.locator('.sent[data-state=delivered]', { hasText: 'Orla Finch' }).waitFor();
    for (const page of [one, two]) {
      await note(page, 'skull');
      await settle(page);
      expect(await notes(page)).toEqual(['<b>Where</b> is the skull?']);
      await page.locator('.note-from', { hasText: 'Teodor Vance' }).waitFor();
      expect(await page.locator('.note .mark').count()).toBe(0);
    }
    await settle(teodor);
    expect(await notes(teodor)).toEqual([]);
  });

  test('a note for who is not in fails, says so, and can be tried again once they are', async () => {
    const orla = await tabOf('Orla');
    await write(orla, 'Barnaby', 'Row A is restless');
    const slip = orla.getByRole('alert').filter({ hasText: 'FORBIDDEN' });
    await slip.filter({ hasText: 'The note was not delivered.' }).waitFor();
    const barnaby = await tabOf('Barnaby');
    await click(slip.getByRole('button', { name: 'Try again' }));
    await orla.locator('.sent[data-state=delivered]').waitFor();
    expect(await slip.count()).toBe(0);
    await note(barnaby, 'Row A is restless');
  });

  test('a seat comes with its reply and how long that took, until the house is full', async () => {
    await demo.stop();
    await open({ seats: 1 });
    const orla = await tabOf('Orla');
    await orla.getByRole('img', { name: '1 of 1 seats are left' }).waitFor();
    const take = orla.getByRole('button', { name: 'Take a seat', exact: true });
    await click(take);
    const stub = orla.getByLabel('Your seat');
    await stub.getByText('A1').waitFor();
    expect(await stub.locator('.took').textContent()).toMatch(/^\d+(\.\d)? m?s$/);
    expect(await book(orla, 'reply', 'TAKE_SEAT').locator('.took').textContent()).toMatch(/^\d+(\.\d)? m?s$/);
    await orla.getByRole('img', { name: '0 of 1 seats are left' }).waitFor();
    await click(take);
    await orla.getByRole('alert').filter({ hasText: 'The house is full' }).waitFor();
    expect(await book(orla, 'failure', 'TAKE_SEAT').textContent()).toContain('SOLD_OUT');
  });

  test('what a tab missed while it was cut arrives once, marked, in order, and what it did goes out', async () => {
    const one = await tabOf('Orla');
    const two = await anotherOf(one);
    const teodor = await tabOf('Teodor');
    await write(teodor, 'Orla', 'before');
    await note(one, 'before');

    await click(line(one));
    await badge(one).getByText('Line cut').waitFor();
    await two.locator('.tab-list li', { hasText: 'line down' }).waitFor();
    for (const text of ['first', 'second', 'third']) await write(teodor, 'Orla', text);
    await click(poster(two, 'Nine Umbrellas'));
    await click(poster(two, 'The Weather Indoors'));
    await note(two, 'third');
    await click(poster(one, 'A Fortnight in Vellum'));
    await one.getByText('One change waits to be sent.').waitFor();
    expect(await notes(one)).toEqual(['before']);
    expect(await shortlist(one)).toEqual(['A Fortnight in Vellum']);

    await click(line(one));
    await online(one);
    await note(one, 'third');
    await settle(one);
    await pressed(two, 'A Fortnight in Vellum');
    await settle(two);
    const chosen = ['Nine Umbrellas', 'A Fortnight in Vellum', 'The Weather Indoors'];
    for (const page of [one, two]) expect(await shortlist(page)).toEqual(chosen);
    expect(await one.getByText('to be sent').count()).toBe(0);
    expect(await notes(one)).toEqual(['third', 'second', 'first', 'before']);
    expect(await texts(one.locator('.note[data-recovered=true] .note-text'))).toEqual([
      'third',
      'second',
      'first',
    ]);
    const recovered = one.locator('.book li[data-kind=message][data-recovered=true] code');
    expect((await texts(recovered)).sort()).toEqual([
      'NOTE',
      'NOTE',
      'NOTE',
      'SHORTLIST_UPDATE',
      'SHORTLIST_UPDATE',
    ]);
    expect(await two.locator('[data-recovered=true]').count()).toBe(0);

    await write(teodor, 'Orla', 'live again');
    await note(one, 'live again');
    expect(await texts(one.locator('.note[data-recovered=false] .note-text'))).toEqual([
      'live again',
      'before',
    ]);
    // The same client as before.
    await book(two, 'event', 'CLIENT_RESUMED').waitFor();
    expect(await book(one, 'gap', 'GAP').count()).toBe(0);
  });

  test('a seat whose answer was lost is asked for again, and taken once', async () => {
    const orla = await tabOf('Orla');
    await click(orla.getByRole('button', { name: 'trip over the cable' }));
    await badge(orla).getByText('Line cut').waitFor();
    const slip = orla.getByRole('alert').filter({ hasText: 'CONNECTION LOST' });
    await slip.filter({ hasText: 'The seat may have gone through all the same.' }).waitFor();
    await until(() => demo.houses.of('understudy').left === 23);
    // Without a line it can be asked as well: the question waits.
    await click(slip.getByRole('button', { name: 'Try again' }));
    await orla.getByRole('button', { name: 'Asking …' }).waitFor();
    await click(line(orla));
    await orla.getByLabel('Your seat').getByText('A1').waitFor();
    expect(demo.houses.of('understudy').left).toBe(23);
  });

  describe('behind a network that can break', () => {
    let network: Network;
    beforeEach(async () => {
      network = await Network.to(port);
      tolerate(/WebSocket connection to .* failed|ERR_CONNECTION|ERR_EMPTY_RESPONSE/);
    });
    afterEach(() => network.close());

    test('a seat asked for as it breaks is taken once', async () => {
      const orla = await tabOf('Orla', { at: network.port });
      await settle(orla);
      network.swallowAnswers();
      await click(orla.getByRole('button', { name: 'Take a seat', exact: true }));
      await until(() => demo.houses.of('understudy').left === 23);
      network.cut();
      await down(orla);
      const slip = orla.getByRole('alert').filter({ hasText: 'CONNECTION LOST' });
      await slip.waitFor();
      expect(await orla.locator('.stub-seat').count()).toBe(0);
      network.mend();
      await online(orla);
      await click(slip.getByRole('button', { name: 'Try again' }));
      await orla.getByLabel('Your seat').getByText('A1').waitFor();
      await settle(orla);
      expect(demo.houses.of('understudy').left).toBe(23);
      expect(await slip.count()).toBe(0);
      await orla.getByRole('img', { name: '23 of 24 seats are left' }).waitFor();
    });

    test('the page counts down, comes back by itself, and has what it missed', async () => {
      const orla = await tabOf('Orla', { at: network.port });
      const teodor = await tabOf('Teodor');
      network.cut();
      await badge(orla)
        .getByText(/^(Back in \d+ s|Coming back)$/)
        .waitFor();
      await orla.getByText('The line is down.', { exact: true }).first().waitFor();
      await write(teodor, 'Orla', 'Are you there?');
      network.mend();
      await online(orla);
      await note(orla, 'Are you there?');
      await settle(orla);
      expect(await notes(orla)).toEqual(['Are you there?']);
      await orla.locator('.note .mark', { hasText: 'while you were away' }).waitFor();
    });
  });

  describe('when the server is started anew', () => {
    beforeEach(() => {
      tolerate(/WebSocket connection to .* failed|ERR_CONNECTION/);
    });

    test('with another secret the page goes back to the door and says why', async () => {
      const orla = await tabOf('Orla');
      await demo.stop();
      await open({ port });
      await orla.getByRole('alert').filter({ hasText: 'does not know your pass any more' }).waitFor();
      await orla.getByRole('heading', { name: 'Who’s there?' }).waitFor();
      await click(orla.getByRole('button', { name: 'Orla' }));
      await online(orla);
      expect(await orla.getByText('does not know your pass').count()).toBe(0);
    });

    test('with the same one it goes on as a new client, and tells the server what it forgot', async () => {
      const secret = 'a secret of this test, 32 bytes long or more';
      await demo.stop();
      await open({ secret });
      const orla = await tabOf('Orla');
      await click(poster(orla, 'Nine Umbrellas'));
      await settle(orla);
      await demo.stop();
      await open({ secret, port });
      await book(orla, 'gap', 'session').waitFor();
      await orla.getByText('may be missing').waitFor();
      await online(orla);
      await settle(orla);
      expect(await shortlist(orla)).toEqual(['Nine Umbrellas']);
      const another = await anotherOf(orla);
      await pressed(another, 'Nine Umbrellas');
    });
  });

  test('who is sent away stays away, and the badge says why', async () => {
    const orla = await tabOf('Orla');
    for (const client of demo.server.users.get('orla')?.clients ?? []) client.disconnect();
    await badge(orla).getByText('Closed: KICKED').waitFor();
    await click(line(orla));
    await click(line(orla));
    await online(orla);
  });

  test('the pass is the tab’s alone, and the session is nowhere', async () => {
    const sessions: string[] = [];
    context.on('page', (page) =>
      page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => {
          const frame = JSON.parse(String(payload)) as { op: string; session: string };
          if (frame.op === 'connected') sessions.push(frame.session);
        }),
      ),
    );
    const orla = await tabOf('Orla');
    expect(sessions).toHaveLength(1);
    const stored = await orla.evaluate<string>('JSON.stringify({ ...sessionStorage })');
    const { token } = JSON.parse(JSON.parse(stored)['tallow-street.pass']) as { token: string };
    expect(stored).not.toContain(sessions[0]);
    for (const secret of [token, sessions[0]]) expect(await orla.content()).not.toContain(secret);
    expect(await context.storageState()).toEqual({ cookies: [], origins: [] });
    const fresh = await context.newPage();
    await fresh.goto(`http://127.0.0.1:${port}/`);
    await fresh.getByRole('heading', { name: 'Who’s there?' }).waitFor();
    await click(orla.getByRole('button', { name: 'Leave' }));
    await orla.getByRole('heading', { name: 'Who’s there?' }).waitFor();
    expect(await orla.evaluate('sessionStorage.length')).toBe(0);
  });

  test('the contract’s schemas are not in the bundle', async () => {
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    const [script] = /\/assets\/[^"]+\.js/.exec(page) ?? [];
    const text = await (await fetch(`http://127.0.0.1:${port}${script}`)).text();
    expect(text).toContain('SHORTLIST_UPDATE');
    expect(text).not.toMatch(/zod/i);
  });

  test('accounts: a wrong password is refused in words, a new name gets in', async () => {
    tolerate(/status of (401|409)/);
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByLabel('E-mail').fill('ada@example.org');
    await page.getByLabel('Password').fill('correct horse');
    await click(page.getByRole('button', { name: 'Sign in' }));
    await page.getByRole('alert').filter({ hasText: 'do not go together' }).waitFor();
    // What was written stays for who finds that they are new.
    await click(page.getByRole('button', { name: 'I am new here' }));
    await focused(page.getByLabel('Name'));
    await page.getByLabel('Name').fill('Ada Byrne');
    await click(page.getByRole('button', { name: 'Sign up' }));
    await online(page);
    await page.getByText('Ada Byrne').waitFor();
    const again = await context.newPage();
    await again.goto(`http://127.0.0.1:${port}/`);
    await click(again.getByRole('button', { name: 'I am new here' }));
    for (const [name, email, why] of [
      ['ada byrne', 'another@example.org', 'has that name already'],
      ['Another', 'Ada@example.org', 'with that e-mail already'],
    ] as const) {
      await again.getByLabel('Name').fill(name);
      await again.getByLabel('E-mail').fill(email);
      await again.getByLabel('Password').fill('another horse');
      await click(again.getByRole('button', { name: 'Sign up' }));
      await again.getByRole('alert').filter({ hasText: why }).waitFor();
    }
    // Somebody whom nobody knew when the page was loaded is called by name all the same.
    const orla = await tabOf('Orla');
    await write(page, 'Orla', 'Is there a seat for me?');
    await orla.locator('.note-from', { hasText: 'Ada Byrne' }).waitFor();
  });

  test('all of it can be done by keyboard', async () => {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByRole('heading', { name: 'Who’s there?' }).waitFor();
    await tabTo(page, /Teodor/);
    expect(await focusShows(page)).toBe(true);
    await tabTo(page, /^I am new here/);
    await page.keyboard.press('Enter');
    await focused(page.getByLabel('Name'));
    await page.keyboard.type('Ada Byrne');
    await page.keyboard.press('Tab');
    await page.keyboard.type('ada@example.org');
    await page.keyboard.press('Tab');
    await page.keyboard.type('correct horse');
    await tabTo(page, /^Sign up/);
    await page.keyboard.press('Enter');
    await online(page);
    await focused(page.getByRole('heading', { level: 1 }));

    await tabTo(page, /^Take a seat$/);
    await page.keyboard.press('Enter');
    await page.getByLabel('Your seat').getByText('A1').waitFor();
    await tabTo(page, /^Shortlist Nine Umbrellas$/);
    expect(await focusShows(page)).toBe(true);
    await page.keyboard.press('Enter');
    await pressed(page, 'Nine Umbrellas');
    await page.keyboard.press('Space');
    await pressed(page, 'Nine Umbrellas', false);
    await page.keyboard.press('Space');
    await pressed(page, 'Nine Umbrellas');
    await tabTo(page, /^Note/);
    await page.keyboard.type('Anybody?');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await tabTo(page, /^Try again$/);
    await tabTo(page, /^Leave it$/);
    await page.keyboard.press('Enter');
    await page.locator('.sent').waitFor({ state: 'detached' });
    await tabTo(page, /^Line$/);
    await page.keyboard.press('Space');
    await badge(page).getByText('Line cut').waitFor();
    await page.keyboard.press('Space');
    await online(page);
  });

  test('a screen reader hears of what comes, not of what one did', async () => {
    const one = await tabOf('Orla');
    const two = await anotherOf(one);
    const teodor = await tabOf('Teodor');
    for (const page of [one, two]) await announced(page, 'You are online.');
    await click(poster(one, 'Nine Umbrellas'));
    await announced(two, 'Another tab of yours put Nine Umbrellas on the shortlist.');
    await click(poster(one, 'Nine Umbrellas'));
    await announced(two, 'Another tab of yours took Nine Umbrellas off the shortlist.');
    await write(teodor, 'Orla', 'Beginners, please');
    await announced(one, 'A note from Teodor Vance: Beginners, please');
    await click(line(one));
    await announced(one, 'The line is down.');
    await click(line(one));
    await online(one);
    await settle(one);
    expect(await said(one)).toEqual([
      'You are online.',
      'A note from Teodor Vance: Beginners, please',
      'The line is down.',
      'You are online.',
    ]);
    const region = one.getByTestId('announcements');
    expect(await region.getAttribute('aria-live')).toBe('polite');
    // The badge counts seconds: it is not in a live region.
    expect(
      await one.locator('[aria-live] [data-testid=status], [role=status] [data-testid=status]').count(),
    ).toBe(0);
  });

  describe('laid out', () => {
    test.each(sizes)('on %s nothing sticks out, and everything can be hit', async (_, viewport) => {
      const door = await context.newPage();
      await door.setViewportSize(viewport);
      await door.goto(`http://127.0.0.1:${port}/`);
      await door.getByRole('heading', { name: 'Who’s there?' }).waitFor();
      expect(await overhang(door)).toBeLessThanOrEqual(0);
      expect(await tooSmall(door)).toEqual([]);

      const [orla, teodor] = [await tabOf('Orla'), await tabOf('Teodor')];
      await orla.setViewportSize(viewport);
      await write(teodor, 'Orla', 'x'.repeat(280));
      await note(orla, 'xxx');
      await write(orla, 'Barnaby', 'y'.repeat(280));
      await click(poster(orla, 'Nine Umbrellas'));
      await click(orla.getByRole('button', { name: 'trip over the cable' }));
      await orla.getByRole('alert').filter({ hasText: 'CONNECTION LOST' }).waitFor();
      expect(await overhang(orla)).toBeLessThanOrEqual(0);
      expect(await tooSmall(orla)).toEqual([]);
    });

    test('headings follow each other, and there is one main part', async () => {
      const orla = await tabOf('Orla');
      const levels = await headings(orla);
      expect(levels[0]).toBe(1);
      expect(levels.length).toBeGreaterThan(10);
      for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
      expect(await orla.getByRole('main').count()).toBe(1);
      expect(await orla.getByRole('banner').count()).toBe(1);
    });
  });
});
