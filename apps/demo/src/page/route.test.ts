import { expect, test } from '@jest/globals';
import { billPath, cornerPath, routeOf, showPath } from './route.ts';

test.each([
  [billPath, { page: 'bill' }],
  [cornerPath, { page: 'corner' }],
  ['/corner/', { page: 'corner' }],
  ['/corner/lights', { page: 'bill' }],
  [showPath('moths'), { page: 'show', show: 'moths' }],
  ['/shows/moths/', { page: 'show', show: 'moths' }],
  ['/shows/hamlet', { page: 'show', show: 'hamlet' }],
  ['/shows/%', { page: 'show', show: '%' }],
  ['/shows/', { page: 'bill' }],
  ['/shows/moths/seats', { page: 'bill' }],
])('%s', (path, route) => {
  expect(routeOf(path)).toEqual(route);
});
