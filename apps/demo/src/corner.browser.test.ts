import { silentLogger } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Devices } from '../test/devices.ts';
import {
  announced,
  book,
  focused,
  focusShows,
  headings,
  line,
  overhang,
  sizes,
  tabTo,
  tooSmall,
} from '../test/page.ts';
import { heading, title } from '../test/show-page.ts';
import { click, context, demo, describeInChromium, tabOf, until } from '../test/stage.ts';
import { SimulatorProcess } from './simulator-process.ts';

const corner = '/corner';
const gauge = (page: Page, device: string) => page.locator(`.gauge[data-device=${device}]`);
const reads = (page: Page, device: string, value: string) =>
  gauge(page, device).locator('strong').getByText(value, { exact: true }).waitFor();
const silent = (page: Page, device: string, is = true) =>
  page.locator(`.gauge[data-device=${device}][data-silent=${is}]`).waitFor();
const current = (page: Page, is = true) =>
  page.locator(`[data-testid=readings][data-current=${is}]`).waitFor();
/** How many readings its chart shows. */
const points = async (page: Page, device: string) => {
  const d = await gauge(page, device).locator('.chart-line').getAttribute('d');
  return (d ?? '').match(/[MLH]/g)?.length ?? 0;
};
const light = (page: Page, name: string) => page.getByRole('switch', { name });
const is = (page: Page, name: string, on: boolean) =>
  page.getByRole('switch', { name, checked: on, disabled: false }).waitFor();
const asked = (page: Page, id: string) =>
  page
    .locator(`[data-light=${id}]`)
    .getByText(/^Asked for o/)
    .waitFor();

describeInChromium('the prompt corner in Chromium', () => {
  let devices: Devices;
  beforeEach(() => {
    devices = new Devices();
  });
  afterEach(() => devices.end());

  describe('what devices tell', () => {
    test('moves their charts, and that of nobody else', async () => {
      const orla = await tabOf('Orla', { path: corner });
      await current(orla);
      const stage = await devices.connect(demo, 'stage');
      await stage.publishAsync('sensors/stage/temperature', '18.40', { qos: 1 });
      await reads(orla, 'stage', '18.4');
      const before = await gauge(orla, 'stage').locator('.chart-line').getAttribute('d');
      await stage.publishAsync('sensors/stage/temperature', '24.6', { qos: 1 });
      await reads(orla, 'stage', '24.6');
      await orla.getByRole('img', { name: 'The stage: between 18.4 and 24.6 °C' }).waitFor();
      expect(await gauge(orla, 'stage').locator('.chart-line').getAttribute('d')).not.toBe(before);
      await gauge(orla, 'stage')
        .getByText(/^Heard (just now|\d+ s ago)$/)
        .waitFor();
      await gauge(orla, 'house').getByText('Nothing heard of it yet.').waitFor();
    });

    test('is there for who comes late, with what was before, and its age', async () => {
      const foyer = await devices.connect(demo, 'foyer');
      for (const count of ['1', '2', '3', '7']) {
        await foyer.publishAsync('sensors/foyer/people', count, { qos: 1 });
        // Of the same millisecond a chart shows one.
        const then = Date.now();
        await until(() => Date.now() > then);
      }
      const orla = await tabOf('Orla', { path: corner });
      await reads(orla, 'foyer', '7');
      await orla.getByRole('img', { name: 'The foyer door: between 1 and 7 came in' }).waitFor();
      expect(await points(orla, 'foyer')).toBe(4);
    });

    test('ends where a device falls silent, and that is said; and goes on when it is heard again', async () => {
      const orla = await tabOf('Orla', { path: corner, clock: true });
      const stage = await devices.connect(demo, 'stage');
      const tell = (text: string) => stage.publishAsync('sensors/stage/temperature', text, { qos: 1 });
      await tell('18.4');
      await reads(orla, 'stage', '18.4');
      await orla.clock.runFor(4_000);
      await gauge(orla, 'stage')
        .getByText(/^Heard [4-9] s ago$/)
        .waitFor();
      await silent(orla, 'stage', false);
      await orla.clock.runFor(8_000);
      await silent(orla, 'stage');
      await gauge(orla, 'stage')
        .getByText(/^Silent since \d\d:\d\d:\d\d$/)
        .waitFor();
      await announced(orla, 'The stage thermometer: silent since');
      await tell('18.5');
      await silent(orla, 'stage', false);
      await announced(orla, 'The stage thermometer is heard again.');
    });

    test('while the line is down is as it was, and afterwards nothing is missing', async () => {
      const orla = await tabOf('Orla', { path: corner });
      const house = await devices.connect(demo, 'house');
      const tell = (text: string) => house.publishAsync('sensors/house/temperature', text, { qos: 1 });
      await tell('20');
      await reads(orla, 'house', '20.0');
      await click(line(orla));
      await current(orla, false);
      await gauge(orla, 'house')
        .getByText(/^Last heard at \d\d:\d\d:\d\d$/)
        .waitFor();
      for (const text of ['29', '21']) await tell(text);
      await click(line(orla));
      await current(orla);
      await reads(orla, 'house', '21.0');
      // The highest came while nobody here could hear it.
      await orla.getByRole('img', { name: 'The stalls: between 20.0 and 29.0 °C' }).waitFor();
    });

    test('comes from a process of its own, and another one where that dies', async () => {
      const orla = await tabOf('Orla', { path: corner });
      const simulator = new SimulatorProcess({
        port: demo.mqttPort,
        passes: demo.passes,
        logger: silentLogger,
      });
      try {
        for (const device of ['stage', 'house', 'foyer', 'board'])
          await gauge(orla, device).locator('.chart').waitFor();
        await is(orla, 'Ghost light', true);
        await click(light(orla, 'Limelight'));
        await is(orla, 'Limelight', true);
        // The board, the ghost light and 900 W, give or take one in a hundred.
        await gauge(orla, 'board')
          .locator('strong')
          .getByText(/^(99\d|1,00\d|1,010)$/)
          .waitFor();
        const { pid } = simulator;
        process.kill(pid as number, 'SIGKILL');
        // The next one knows of no light but the ghost's.
        await is(orla, 'Limelight', false);
        expect(simulator.pid).not.toBe(pid);
      } finally {
        simulator.stop();
      }
      await until(() => demo.server.stats().clients.online === 1);
    });

    test('may be told by anybody with the line that the page shows', async () => {
      const orla = await tabOf('Orla', { path: corner });
      const command = (await orla.locator('.spare-command').textContent()) ?? '';
      const [, port, userName, token, topic] =
        /^mosquitto_pub -h 127\.0\.0\.1 -p (\d+) -u (\w+) -P (\S+) -t (\S+) -m 21\.5$/.exec(command) ?? [];
      expect(Number(port)).toBe(demo.mqttPort);
      const spare = await devices.connect(demo, userName as string, token as string);
      await spare.publishAsync(topic as string, '31.5', { qos: 1 });
      await reads(orla, 'spare', '31.5');
    });
  });

  describe('the lights', () => {
    test('are on when the board says so, in both windows, and not before', async () => {
      const board = await devices.board(demo);
      const orla = await tabOf('Orla', { path: corner });
      const teodor = await tabOf('Teodor', { path: corner });
      for (const page of [orla, teodor]) await is(page, 'Limelight', false);
      await click(light(orla, 'Limelight'));
      await asked(orla, 'limelight');
      await until(() => board.told.length > 0);
      expect(board.told).toEqual(['lights/limelight/set on']);
      // It is asked for once, however often one presses.
      await light(orla, 'Limelight').dispatchEvent('click');
      for (const page of [orla, teodor])
        expect(await light(page, 'Limelight').getAttribute('aria-checked')).toBe('false');
      await board.obey();
      for (const page of [orla, teodor]) {
        await is(page, 'Limelight', true);
        await announced(page, 'Limelight on.');
        await page.locator('.limelight[data-is=on]').waitFor();
      }
      await orla.locator('[data-light=limelight] .took').waitFor();
      await click(light(teodor, 'Limelight'));
      await board.obey();
      for (const page of [orla, teodor]) await is(page, 'Limelight', false);
      expect(board.told).toEqual([]);
    });

    test('are as they are for who comes late', async () => {
      const board = await devices.board(demo);
      const orla = await tabOf('Orla', { path: corner });
      await is(orla, 'Ghost light', false);
      await click(light(orla, 'Ghost light'));
      await board.obey();
      await is(orla, 'Ghost light', true);
      await is(await tabOf('Teodor', { path: corner }), 'Ghost light', true);
    });

    test('stay as they were where the board is dead, and one may ask again', async () => {
      const board = await devices.board(demo);
      const orla = await tabOf('Orla', { path: corner, clock: true });
      await is(orla, 'Footlights', false);
      await board.die();
      await click(light(orla, 'Footlights'));
      await asked(orla, 'footlights');
      await book(orla, 'reply', 'lights/footlights/set').waitFor();
      await orla.clock.runFor(5_500);
      const slip = orla.getByRole('alert').filter({ hasText: 'does not answer' });
      await slip.waitFor();
      await is(orla, 'Footlights', false);
      const next = await devices.board(demo);
      await click(slip.getByRole('button', { name: 'Try again' }));
      await next.obey();
      await is(orla, 'Footlights', true);
      expect(await slip.count()).toBe(0);
    });
  });

  test('all of it can be done by keyboard', async () => {
    const board = await devices.board(demo);
    const orla = await tabOf('Orla');
    await tabTo(orla, /^Go and see how the house is$/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Enter');
    await heading(orla, 'The Prompt Corner');
    await focused(title(orla, 'The Prompt Corner'));
    expect(await orla.title()).toBe('The prompt corner · Tallow Street Theatre');
    await is(orla, 'Limelight', false);
    await tabTo(orla, /^Limelight$/);
    expect(await focusShows(orla)).toBe(true);
    await orla.keyboard.press('Space');
    await board.obey();
    await is(orla, 'Limelight', true);
    await focused(light(orla, 'Limelight'));
    await tabTo(orla, /^Copy$/);
    expect(await focusShows(orla)).toBe(true);
  });

  test('leaving the page leaves its channels', async () => {
    let heard = 0;
    context.on('page', (page) =>
      page.on('websocket', (socket) =>
        socket.on(
          'framereceived',
          ({ payload }) => void (/"channel":"sensors/.test(String(payload)) && heard++),
        ),
      ),
    );
    const stage = await devices.connect(demo, 'stage');
    const orla = await tabOf('Orla', { path: corner });
    await current(orla);
    await stage.publishAsync('sensors/stage/temperature', '18', { qos: 1 });
    await reads(orla, 'stage', '18.0');
    expect(heard).toBeGreaterThan(0);
    await click(orla.getByRole('link', { name: 'The winter bill' }));
    await click(orla.getByRole('button', { name: 'Count the house' }));
    await book(orla, 'reply', 'SEATS_LEFT').nth(1).waitFor();
    heard = 0;
    await stage.publishAsync('sensors/stage/temperature', '19', { qos: 1 });
    await click(orla.getByRole('button', { name: 'Count the house' }));
    await book(orla, 'reply', 'SEATS_LEFT').nth(2).waitFor();
    expect(heard).toBe(0);
  });

  describe('laid out', () => {
    test.each(sizes)('on %s nothing sticks out, and everything can be hit', async (_, viewport) => {
      await devices.board(demo);
      for (const [device, topic] of [
        ['board', 'sensors/board/watts'],
        ['spare', 'sensors/spare/temperature'],
      ] as const)
        await (await devices.connect(demo, device)).publishAsync(topic, '12345.6', { qos: 1 });
      const orla = await tabOf('Orla', { path: corner });
      await orla.setViewportSize(viewport);
      await reads(orla, 'spare', '12345.6');
      await orla.locator('.spare-command').waitFor();
      expect(await overhang(orla)).toBeLessThanOrEqual(0);
      expect(await tooSmall(orla)).toEqual([]);
    });

    test('headings follow each other, and there is one main part', async () => {
      const orla = await tabOf('Orla', { path: corner });
      await current(orla);
      expect(await headings(orla)).toEqual([1, 2, 3, 3, 3, 3, 2, 3, 2]);
      expect(await orla.getByRole('main').count()).toBe(1);
      expect(await orla.getByRole('banner').count()).toBe(1);
    });
  });
});
