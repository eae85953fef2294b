import type { Page } from 'playwright-core';
import type { ShowId } from '../src/shared/shows.ts';
import { texts } from './page.ts';
import { click, demo } from './stage.ts';

/** What is to be seen on the page of a show, for its tests. */

export const umbrellas = '/shows/umbrellas';
const house = (page: Page) => page.getByTestId('house');
export const left = (page: Page, text: string) =>
  house(page).locator('.tally-left').getByText(text, { exact: true }).waitFor();
export const current = (page: Page, is = true) =>
  page.locator(`[data-testid=house][data-current=${is}]`).waitFor();
export const reserve = (page: Page) => page.getByRole('button', { name: 'Reserve a seat' });
export const giveBack = (page: Page, seat: string) =>
  page.getByRole('button', { name: `Return seat ${seat}` });
/** The button has another name while the seat is on its way back: only with its stub is it gone. */
export const returned = (page: Page, seat: string) =>
  page.locator('.stub', { hasText: seat }).waitFor({ state: 'detached' });
export const mine = (page: Page) => texts(page.locator('.stub .stub-seat'));
export const seat = (page: Page, name: string, state: 'free' | 'taken' | 'mine') =>
  page.locator(`.plan-${state}[data-seat=${name}]`).waitFor({ state: 'attached' });
export const title = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
export const heading = (page: Page, name: string) => title(page, name).waitFor();
export const subscribers = (show: ShowId) => demo.server.channel(`show/${show}`).subscribers;

/** Reserves a seat, and has it. */
export async function take(page: Page, name: string): Promise<void> {
  await click(reserve(page));
  await giveBack(page, name).waitFor();
}

export const takeUmbrellas = { type: 'TAKE_SEAT', show: 'umbrellas' };
