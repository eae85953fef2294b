import { afterEach, describe, expect, test } from '@jest/globals';
import { urlOf, userIdIn } from './options.ts';

const given = globalThis as { location?: { readonly href: string } };
const at = (href: string) => {
  given.location = { href };
};
afterEach(() => {
  delete given.location;
});

describe('the address of a server', () => {
  test.each([
    ['ws://localhost:4001', 'ws://localhost:4001/callboard'],
    ['ws://localhost:4001/', 'ws://localhost:4001/callboard'],
    ['wss://app.example/live', 'wss://app.example/live'],
    ['wss://app.example/live/', 'wss://app.example/live/'],
    ['http://localhost:4001', 'ws://localhost:4001/callboard'],
    ['https://app.example', 'wss://app.example/callboard'],
    ['https://app.example:8443/live?tenant=7', 'wss://app.example:8443/live?tenant=7'],
    ['ws://app.example?tenant=7', 'ws://app.example/callboard?tenant=7'],
    ['HTTPS://APP.example', 'wss://app.example/callboard'],
    ['ws://[::1]:4001', 'ws://[::1]:4001/callboard'],
    ['ws://localhost:4001/#part', 'ws://localhost:4001/callboard'],
  ])('%s is %s', (endPoint, url) => {
    expect(urlOf(endPoint)).toBe(url);
  });

  test.each([
    '',
    undefined,
    '/live',
    'localhost:4001',
    'ftp://app.example',
    'file:///x',
    'javascript:0',
    'ws://',
    '::',
  ])('%s is none', (endPoint) => {
    expect(() => urlOf(endPoint)).toThrow(TypeError);
    expect(() => urlOf(endPoint)).toThrow(/endPoint is no .*address: /);
  });

  test.each([
    [undefined, 'https://app.example/seats?row=7#map', 'wss://app.example/callboard'],
    ['', 'http://localhost:3000/', 'ws://localhost:3000/callboard'],
    ['/live', 'https://app.example/seats/7', 'wss://app.example/live'],
    ['live', 'https://app.example/seats/7', 'wss://app.example/seats/live'],
    ['?tenant=7', 'https://app.example/', 'wss://app.example/callboard?tenant=7'],
    ['//other.example', 'https://app.example/', 'wss://other.example/callboard'],
    ['ws://localhost:4001', 'https://app.example/', 'ws://localhost:4001/callboard'],
    ['ws://localhost:4001', 'about:srcdoc', 'ws://localhost:4001/callboard'],
    ['ws://localhost:4001', 'data:text/html,x', 'ws://localhost:4001/callboard'],
    ['ws://localhost:4001', 'blob:https://app.example/8e1', 'ws://localhost:4001/callboard'],
  ])('%s in a page at %s is %s', (endPoint, href, url) => {
    at(href);
    expect(urlOf(endPoint)).toBe(url);
  });

  test.each(['about:blank', 'file:///home/seats.html', 'blob:null/8e1'])(
    'a page at %s has no server of its own',
    (href) => {
      at(href);
      expect(() => urlOf()).toThrow(TypeError);
    },
  );
});

describe('a user id', () => {
  test.each([
    [44, '44'],
    ['44', '44'],
    [0, '0'],
    [-1, '-1'],
    ['ada', 'ada'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('%j is %s', (userId, text) => {
    expect(userIdIn(userId)).toBe(text);
  });

  test.each([
    undefined,
    null,
    '',
    1.5,
    Number.NaN,
    2 ** 53,
    'x'.repeat(256),
    'a\nb',
    '\ud83d',
    {},
    ['a'],
    true,
  ])('%j is none', (userId) => {
    expect(() => userIdIn(userId)).toThrow(TypeError);
  });
});
