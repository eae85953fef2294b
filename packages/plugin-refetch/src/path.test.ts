import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PathPattern, pathOf } from './path.ts';

const origin = 'https://api.example:8443';

describe('a path that a client names', () => {
  test.each([
    ['/', '/'],
    ['/users/1', '/users/1'],
    ['/users/1/', '/users/1/'],
    ['/users?page=2&of=%2F', '/users?page=2&of=%2F'],
    ['/users?', '/users'],
    ['/users/%7eann/%c3%a4', '/users/~ann/%C3%A4'],
    ['/users/ä', '/users/%C3%A4'],
    ['/us%65rs/a:b@c,d', '/users/a:b@c,d'],
    ['/.well-known/x..y/...', '/.well-known/x..y/...'],
  ])('%j is requested as %j', (named, path) => expect(pathOf(named)?.path).toBe(path));

  test.each([
    '',
    'users/1',
    'http://evil.example/',
    'HTTP://evil.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//evil.example/users/1',
    '///evil.example/',
    '/\\evil.example/',
    '\\\\evil.example\\',
    '/users//1',
    '/users/..',
    '/users/../admin',
    '/users/./1',
    '/users/%2e%2e/admin',
    '/users/.%2E/admin',
    '/users/%2E./admin',
    '/users/%252e%252e/admin',
    '/users/..%2fadmin',
    '/users/..%5cadmin',
    '/users/..;/admin',
    '/users/..;x=1/admin',
    '/users\\..\\admin',
    '/users/%2fadmin',
    '/users/%c0%ae%c0%ae/admin',
    '/users/%00',
    '/users/1%0d%0aHost:%20evil',
    '/users?x=%0d%0aHost:%20evil',
    '/users/1\r\nHost: evil',
    '/users/1 HTTP/1.1',
    '/users/\t1',
    '/users/1#top',
    '/users/%',
    '/users/%zz',
    '/users/\ud800',
    '/users/\u0085',
    '/users/\u2028',
    `/${'x'.repeat(2_048)}`,
    null,
    undefined,
    7,
    ['/users/1'],
    { toString: () => '/users/1' },
  ])('%j is refused', (named) => expect(pathOf(named)).toBe(undefined));

  const tricks = fc.constantFrom(
    ...[
      '/',
      '//',
      '\\',
      '.',
      '..',
      '%2e',
      '%2E%2e',
      '%2f',
      '%5c',
      '%25',
      '%00',
      '%0a',
      ';',
      '?',
      '#',
      '@',
      ':',
    ],
    ...[
      'http:',
      'https:',
      'file:',
      'evil.example',
      '\t',
      '\r\n',
      '\u0000',
      'ä',
      '\u3002',
      '\uff0f',
      'users',
      '1',
    ],
  );
  const named = fc.oneof(
    fc.array(tricks, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.array(tricks, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
    fc.webPath().map((path) => path || '/'),
    fc.string({ unit: 'binary' }).map((text) => `/${text}`),
  );

  test('whatever it is: it stays on the origin, in one spelling, below the segments it shows', () => {
    fc.assert(
      fc.property(named, (input) => {
        const found = pathOf(input);
        if (found === undefined) return;
        const { path, pathname, segments } = found;
        // Appended or resolved, and read again: the same, on the same origin.
        for (const url of [new URL(path, origin), new URL(`${origin}${path}`)]) {
          expect([url.origin, url.username, url.password, url.hash]).toEqual([origin, '', '', '']);
          expect(`${url.pathname}${url.search}`).toBe(path);
        }
        expect(pathOf(path)).toEqual(found);
        expect(path).toMatch(/^\/(?!\/)[\x21-\x7e]*$/);
        expect(pathname).toBe(`/${segments.join('/')}`);
        // However often it is decoded.
        for (let decoded = pathname, i = 0; i < 3; i++) {
          decoded = decodeURIComponent(decoded);
          expect(decoded).not.toMatch(/[\\\p{Cc}]|%/u);
          expect(decoded.split('/').length).toBe(segments.length + 1);
          expect(decoded.split('/').filter((each) => /^\.\.?(;|$)/.test(each))).toEqual([]);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('what is refused is not most of what is in use', () => {
    const segment = fc.string({
      unit: fc.constantFrom(...'abcXYZ019-_.~!$&()+,;=:@ä'),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        fc.pre(segments.every((each) => !/^\.{1,2}(;|$)/.test(each)));
        expect(pathOf(`/${segments.join('/')}?q=a%20b`)).toBeDefined();
      }),
    );
  });
});

describe('a pattern of paths', () => {
  const matches = (pattern: string, path: string) => new PathPattern(pattern).matches(pathOf(path) as never);
  test.each([
    [
      '/users/*',
      ['/users/1', '/users/ann?x=1', '/us%65rs/1'],
      ['/users', '/users/', '/users/1/posts', '/user/1'],
    ],
    ['/public/**', ['/public/a', '/public/a/b', '/public/'], ['/public', '/publicity/a', '/a/public/b']],
    ['/*/posts', ['/1/posts'], ['/1/2/posts', '/posts', '/1/posts/2']],
    ['/**', ['/', '/a/b'], []],
    ['/users/1', ['/users/1', '/users/1?a=b'], ['/users/2', '/users/1/', '/users/']],
  ])('%s', (pattern, fits, fitsNot) => {
    for (const path of fits) expect([path, matches(pattern, path)]).toEqual([path, true]);
    for (const path of fitsNot) expect([path, matches(pattern, path)]).toEqual([path, false]);
  });
  test.each(['users/*', '/users/*?x=1', '/users/a*', '/**/users', '/../*', '//x/*', ''])(
    '%j is none',
    (text) => {
      expect(() => new PathPattern(text)).toThrow(TypeError);
    },
  );
});
