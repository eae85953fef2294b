import type { Locator, Page } from 'playwright-core';

/** What is to be seen on a page of the box office, for all tests. */

export const badge = (page: Page) => page.getByTestId('status');
export const online = (page: Page) => page.locator('[data-testid=status][data-lamp=online]').waitFor();
export const down = (page: Page) => page.locator('[data-testid=status]:not([data-lamp=online])').waitFor();
export const line = (page: Page) => page.getByRole('switch', { name: 'Line' });
export const texts = (found: Locator) => found.allTextContents();
export const book = (page: Page, kind: string, what: string) =>
  page.locator(`.book li[data-kind=${kind}]`, { hasText: what });
export const said = (page: Page) => texts(page.getByTestId('announcements').locator('p'));
export const announced = (page: Page, text: string) =>
  page.getByTestId('announcements').getByText(text).waitFor({ state: 'attached' });

export const sizes = [
  ['a small phone', { width: 320, height: 640 }],
  ['a phone', { width: 390, height: 844 }],
  ['a tablet', { width: 800, height: 1100 }],
  ['a desktop', { width: 1280, height: 800 }],
] as const;
export const overhang = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
/** Controls that a finger would miss; links in a sentence would be let off, but there is none. */
export const tooSmall = (page: Page) =>
  page.evaluate<string[]>(`[...document.querySelectorAll('button, input, select, a')]
    .filter((each) => each.checkVisibility())
    .filter((each) => { const { width, height } = each.getBoundingClientRect(); return width < 44 || height < 44; })
    .map((each) => each.textContent || each.id)`);
export const headings = (page: Page) =>
  page.evaluate<number[]>(
    `[...document.querySelectorAll('h1, h2, h3')].map(({ tagName }) => Number(tagName[1]))`,
  );
/** Resolves once this has the focus. */
export const focused = (found: Locator) => found.and(found.page().locator(':focus')).waitFor();
/** Whether what has the focus shows it. */
export const focusShows = (page: Page) =>
  page.evaluate<boolean>(`(() => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
    return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow.includes('inset');
  })()`);
/** Goes on with Tab until what has the focus is called that. */
export async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const label = await page.evaluate<string | null>(
      'document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent',
    );
    if (name.test(label ?? '')) return;
  }
  throw new Error(`no way by Tab to ${name}`);
}
