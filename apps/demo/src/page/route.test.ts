import { expect, test } from '@jest/globals';
import {
  billPath,
  callboardPath,
  cardPath,
  cornerPath,
  eventPath,
  postPath,
  routeOf,
  showPath,
} from './route.ts';

test.each([
  [billPath, { page: 'bill' }],
  [cornerPath, { page: 'corner' }],
  ['/corner/', { page: 'corner' }],
  ['/corner/lights', { page: 'bill' }],
  [cardPath, { page: 'card' }],
  ['/card/', { page: 'card' }],
  ['/card/orla', { page: 'bill' }],
  [callboardPath, { page: 'callboard' }],
  ['/board/', { page: 'callboard' }],
  [postPath, { page: 'post' }],
  [eventPath('x-1_Y'), { page: 'event', event: 'x-1_Y' }],
  ['/board/x/edit', { page: 'bill' }],
  ['/boards', { page: 'bill' }],
  [showPath('moths'), { page: 'show', show: 'moths' }],
  ['/shows/moths/', { page: 'show', show: 'moths' }],
  ['/shows/hamlet', { page: 'show', show: 'hamlet' }],
  ['/shows/%', { page: 'show', show: '%' }],
  ['/shows/', { page: 'bill' }],
  ['/shows/moths/seats', { page: 'bill' }],
])('%s', (path, route) => {
  expect(routeOf(path)).toEqual(route);
});
