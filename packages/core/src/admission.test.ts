import type { IncomingMessage } from 'node:http';
import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { Admission, type AdmissionOptions, isLoopback, type TrustProxy } from './admission.ts';
import type { Peer } from './transport.ts';

interface Asked {
  readonly headers?: Record<string, string>;
  readonly from?: string;
  readonly tls?: boolean;
  readonly url?: string;
}

function request({ headers = {}, from = '203.0.113.7', tls = false, url = '/callboard' }: Asked = {}) {
  const socket = { remoteAddress: from, ...(tls && { encrypted: true }) };
  const all = { host: 'app.example', ...headers };
  return { headers: all, socket, connection: socket, url } as unknown as IncomingMessage;
}

function admission(options: Partial<AdmissionOptions> = {}): Admission {
  return new Admission({
    origins: undefined,
    requireSecure: false,
    trustProxy: false,
    loopbackOnly: false,
    maxConnectionsPerAddress: 1_000,
    maxConnectsPerSecond: 1_000,
    clock: new SimulatedClock(),
    ...options,
  });
}

/** `ok`, or the code of the refusal. */
function verdict(options: Partial<AdmissionOptions>, asked: Asked): string {
  const admitted = admission(options).admit(request(asked), 'websocket');
  return 'code' in admitted ? admitted.code : 'ok';
}

function peer(options: Partial<AdmissionOptions>, asked: Asked): Peer {
  return admission(options).admit(request(asked), 'websocket') as Peer;
}

describe('origins that are listed', () => {
  const origins = [
    'https://app.example',
    'https://Other.Example:443/',
    'http://localhost:3000',
    'capacitor://localhost',
  ];
  const withOrigin = (origin: string) => verdict({ origins }, { headers: { origin } });

  test.each([
    'https://app.example',
    'https://app.example:443',
    'HTTPS://APP.EXAMPLE',
    'https://other.example',
    'http://localhost:3000',
    'capacitor://localhost',
  ])('%s may connect', (origin) => expect(withOrigin(origin)).toBe('ok'));

  test.each([
    'http://app.example',
    'https://app.example:444',
    'https://app.example.attacker.example',
    'https://attacker.example',
    'https://app.example@attacker.example',
    'https://attacker.example/https://app.example',
    'https://app.example/path',
    'https://app.example, https://attacker.example',
    'https://attacker.example https://app.example',
    'https://xn--pp-xka.example',
    'app.example',
    '//app.example',
    'null',
    '*',
    '',
    'capacitor://attacker',
    'file://',
  ])('%s may not', (origin) => expect(withOrigin(origin)).toBe('ORIGIN_REFUSED'));

  test('`null` is an origin of its own: sandboxed frames and files have it', () => {
    expect(verdict({ origins: ['null'] }, { headers: { origin: 'null' } })).toBe('ok');
    expect(verdict({ origins: ['null'] }, { headers: { origin: 'capacitor://localhost' } })).toBe(
      'ORIGIN_REFUSED',
    );
    expect(verdict({ origins: ['file://'] }, { headers: { origin: 'file://' } })).toBe('ok');
  });

  test('an empty list lets no page in', () => {
    expect(verdict({ origins: [] }, { headers: { origin: 'https://app.example' } })).toBe('ORIGIN_REFUSED');
    expect(verdict({ origins: [] }, {})).toBe('ok');
  });

  test.each([
    '*',
    'app.example',
    'https://app.example/path',
    'https://*.example',
    'https://u:p@app.example',
    '',
  ])('what is no origin is refused at once: %j', (origin) => {
    expect(() => admission({ origins: [origin] })).toThrow(TypeError);
  });
});

describe('without a list, the server’s own origin', () => {
  test.each([
    [{ origin: 'https://app.example' }, 'ok'],
    [{ origin: 'http://app.example' }, 'ok'],
    [{ origin: 'HTTP://App.Example' }, 'ok'],
    [{ origin: 'http://app.example', host: 'APP.example:80' }, 'ok'],
    [{ origin: 'http://app.example:4001', host: 'app.example:4001' }, 'ok'],
    [{ origin: 'http://[::1]:4001', host: '[::1]:4001' }, 'ok'],
    [{ origin: 'http://app.example:4001' }, 'ORIGIN_REFUSED'],
    [{ origin: 'http://app.example', host: 'app.example:4001' }, 'ORIGIN_REFUSED'],
    [{ origin: 'https://attacker.example' }, 'ORIGIN_REFUSED'],
    [{ origin: 'https://app.example', host: 'app.example@attacker.example' }, 'ORIGIN_REFUSED'],
    [{ origin: 'https://attacker.example', host: 'app.example@attacker.example' }, 'ORIGIN_REFUSED'],
    [{ origin: 'https://attacker.example', host: 'attacker.example/app.example' }, 'ORIGIN_REFUSED'],
    [{ origin: 'null' }, 'ORIGIN_REFUSED'],
    [{ origin: 'null', host: 'null' }, 'ORIGIN_REFUSED'],
    [{ origin: '', host: '' }, 'ORIGIN_REFUSED'],
    [{ origin: 'https://attacker.example', 'x-forwarded-host': 'attacker.example' }, 'ORIGIN_REFUSED'],
  ])('%j: %s', (headers, expected) => expect(verdict({}, { headers: headers as never })).toBe(expected));

  test('over TLS a page that came without is not it', () => {
    expect(verdict({}, { tls: true, headers: { origin: 'https://app.example' } })).toBe('ok');
    expect(verdict({}, { tls: true, headers: { origin: 'http://app.example' } })).toBe('ORIGIN_REFUSED');
  });

  test('is what a trusted proxy says it is', () => {
    const headers = {
      origin: 'https://app.example',
      host: 'internal:8080',
      'x-forwarded-host': 'app.example',
    };
    expect(verdict({ trustProxy: '203.0.113.0/24' }, { headers })).toBe('ok');
    expect(verdict({ trustProxy: '198.51.100.0/24' }, { headers })).toBe('ORIGIN_REFUSED');
  });
});

test('a missing origin passes only without cookies: browsers always say theirs, and send cookies unasked', () => {
  for (const origins of [undefined, ['https://app.example']]) {
    expect(verdict({ origins }, {})).toBe('ok');
    expect(verdict({ origins }, { headers: { cookie: 'sid=1' } })).toBe('ORIGIN_REFUSED');
    expect(verdict({ origins }, { headers: { cookie: '' } })).toBe('ORIGIN_REFUSED');
    expect(verdict({ origins }, { headers: { cookie: 'sid=1', origin: 'https://app.example' } })).toBe('ok');
  }
});

describe('a request of a connection that there is', () => {
  const refusal = (options: Partial<AdmissionOptions>, asked: Asked) =>
    admission(options).refusal(request(asked))?.code ?? 'ok';
  const origins = ['https://app.example'];

  test('may come without Origin, also with cookies: a page leaves it out where it reads from its own server', () => {
    expect(refusal({ origins }, { headers: { cookie: 'sid=1' } })).toBe('ok');
    expect(refusal({}, { headers: { cookie: 'sid=1' } })).toBe('ok');
  });

  test('is checked for all else as an upgrade is', () => {
    expect(refusal({ origins }, { headers: { origin: 'https://app.example' } })).toBe('ok');
    expect(refusal({ origins }, { headers: { origin: 'https://attacker.example' } })).toBe('ORIGIN_REFUSED');
    expect(refusal({}, { tls: true, headers: { origin: 'http://app.example' } })).toBe('ORIGIN_REFUSED');
    expect(refusal({ loopbackOnly: true }, {})).toBe('LOOPBACK_ONLY');
    expect(refusal({ loopbackOnly: true }, { from: '::1', headers: { host: 'localhost' } })).toBe('ok');
    expect(refusal({ requireSecure: true }, {})).toBe('TLS_REQUIRED');
    expect(refusal({ requireSecure: true }, { tls: true })).toBe('ok');
    const proxied = { headers: { 'x-forwarded-proto': 'https' } };
    expect(refusal({ requireSecure: true, trustProxy: true }, proxied)).toBe('ok');
    expect(refusal({ requireSecure: true }, proxied)).toBe('TLS_REQUIRED');
  });

  test('is not counted', () => {
    expect(refusal({ maxConnectionsPerAddress: 0 }, {})).toBe('ok');
  });
});

describe('without a verifier only this machine', () => {
  const local = (asked: Asked, options: Partial<AdmissionOptions> = {}) =>
    verdict(
      { loopbackOnly: true, ...options },
      { from: '127.0.0.1', ...asked, headers: { host: 'localhost', ...asked.headers } },
    );

  test.each(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1'])('%s is it', (from) =>
    expect(local({ from })).toBe('ok'),
  );
  test.each([
    '203.0.113.7',
    '::ffff:203.0.113.7',
    '::2',
    'fe80::1',
    '10.127.0.1',
    '',
    '127.0.0.1.attacker.example',
  ])('%j is not', (from) => expect(local({ from })).toBe('LOOPBACK_ONLY'));
  test.each(['localhost', 'LocalHost:4001', '127.0.0.1:4001', '127.1.2.3', '[::1]:4001'])(
    'by the name of %s',
    (host) => expect(local({ headers: { host } })).toBe('ok'),
  );
  test.each([
    'attacker.example',
    'localhost.attacker.example',
    'x@localhost',
    'localhost@x',
    '127.0.0.1.nip.io',
    '127.0.0.999',
    '127.1',
    '[::2]',
    '',
    'localhost:',
    'localhost:x',
    '0.0.0.0',
  ])('not by the name of %j: a page may make a name of its own resolve to this machine', (host) =>
    expect(local({ headers: { host } })).toBe('LOOPBACK_ONLY'),
  );
  test.each([
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-port',
    'x-real-ip',
    'cf-connecting-ip',
    'true-client-ip',
    'cdn-loop',
  ])('not through a proxy: %s', (header) =>
    expect(local({ headers: { [header]: '127.0.0.1' } })).toBe('LOOPBACK_ONLY'),
  );
  test.each<[TrustProxy]>([[true], [1], ['loopback'], [[]]])(
    'not where there are proxies: %j',
    (trustProxy) => expect(local({}, { trustProxy })).toBe('LOOPBACK_ONLY'),
  );
});

describe('proxies that are trusted', () => {
  const address = (trustProxy: TrustProxy, forwarded: string | undefined, from = '10.0.0.1') =>
    peer({ trustProxy }, { from, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } })
      .address;

  test.each<[TrustProxy, string | undefined, string]>([
    [false, '198.51.100.1', '10.0.0.1'],
    [true, undefined, '10.0.0.1'],
    [true, '198.51.100.1, 192.0.2.1', '198.51.100.1'],
    [1, '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    [2, '198.51.100.1, 192.0.2.1', '198.51.100.1'],
    ['10.0.0.0/8', '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['10.0.0.0/8, 192.0.2.1', '198.51.100.1, 192.0.2.1', '198.51.100.1'],
    [['10.0.0.0/8', '192.0.2.0/24'], '198.51.100.1, 192.0.2.1', '198.51.100.1'],
    ['uniquelocal', '198.51.100.1', '198.51.100.1'],
    ['loopback', '198.51.100.1', '10.0.0.1'],
    [[], '198.51.100.1', '10.0.0.1'],
  ])('%j with %j: %s', (trustProxy, forwarded, expected) =>
    expect(address(trustProxy, forwarded)).toBe(expected),
  );

  test.each([
    ['198.51.100.1:5678', '198.51.100.1'],
    ['[2001:DB8::1]:5678', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:0db8:0:0::0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:198.51.100.1', '198.51.100.1'],
    ['::FFFF:c633:6401', '198.51.100.1'],
    ['unknown', '10.0.0.1'],
    ['_hidden', '10.0.0.1'],
    ['"><script>', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('an address is one, in one way to write it: %j is %s', (forwarded, expected) =>
    expect(address('10.0.0.0/8', forwarded)).toBe(expected),
  );

  test('an IPv4 address in IPv6 is itself', () => {
    expect(address(false, undefined, '::ffff:203.0.113.7')).toBe('203.0.113.7');
    expect(address('10.0.0.0/8', '198.51.100.1', '::ffff:10.0.0.1')).toBe('198.51.100.1');
  });

  test.each<[TrustProxy]>([[''], ['everybody'], ['10.0.0.0/33'], [['10.0.0.1', 'proxy.example']]])(
    'what is no address is refused at once: %j',
    (trustProxy) => expect(() => admission({ trustProxy })).toThrow(TypeError),
  );

  test('TLS ends there', () => {
    const secure = (trustProxy: TrustProxy, proto: string) =>
      peer({ trustProxy }, { from: '10.0.0.1', headers: { 'x-forwarded-proto': proto } }).secure;
    expect(secure(true, 'https')).toBe(true);
    expect(secure('10.0.0.1', 'https, http')).toBe(true);
    expect(secure('10.0.0.1', 'http, https')).toBe(false);
    expect(secure('10.0.0.2', 'https')).toBe(false);
    expect(secure(false, 'https')).toBe(false);
  });
});

describe('connections of one address', () => {
  function fill(options: Partial<AdmissionOptions>, asked: (i: number) => Asked): number {
    const gate = admission({ maxConnectionsPerAddress: 3, ...options });
    for (let i = 0; i < 10; i++) {
      const admitted = gate.admit(request(asked(i)), 'websocket');
      if ('code' in admitted) {
        expect(admitted).toEqual({ status: 429, code: 'TOO_MANY_CONNECTIONS' });
        return i;
      }
      gate.entered(admitted);
    }
    return Number.POSITIVE_INFINITY;
  }

  test('are limited', () => {
    expect(fill({}, () => ({}))).toBe(3);
    expect(fill({}, (i) => ({ from: `203.0.113.${i}` }))).toBe(Number.POSITIVE_INFINITY);
  });

  test('whatever is said about who it was forwarded for', () => {
    expect(fill({}, (i) => ({ headers: { 'x-forwarded-for': `198.51.100.${i}` } }))).toBe(3);
    const spoofed = (i: number) => ({
      from: '10.0.0.1',
      headers: { 'x-forwarded-for': `192.0.2.${i}, 198.51.100.1` },
    });
    expect(fill({ trustProxy: '10.0.0.1' }, spoofed)).toBe(3);
    expect(fill({ trustProxy: 1 }, spoofed)).toBe(3);
    const ports = (i: number) => ({
      from: '10.0.0.1',
      headers: { 'x-forwarded-for': `198.51.100.1:${5_000 + i}` },
    });
    expect(fill({ trustProxy: true }, ports)).toBe(3);
    const junk = (i: number) => ({ from: '10.0.0.1', headers: { 'x-forwarded-for': `junk${i}` } });
    expect(fill({ trustProxy: true }, junk)).toBe(3);
  });

  test('an IPv6 network of 64 bits counts as one, IPv4 in IPv6 as itself', () => {
    expect(fill({}, (i) => ({ from: `2001:db8::${i}:1` }))).toBe(3);
    expect(fill({}, (i) => ({ from: `2001:db8:1:2:${i}::` }))).toBe(3);
    expect(fill({}, (i) => ({ from: `2001:db8:0:${i}::1` }))).toBe(Number.POSITIVE_INFINITY);
    expect(fill({}, (i) => ({ from: `${i + 1}::2:3:4:5:6:7` }))).toBe(Number.POSITIVE_INFINITY);
    expect(fill({}, (i) => ({ from: i % 2 ? '203.0.113.7' : '::ffff:203.0.113.7' }))).toBe(3);
    expect(fill({}, (i) => ({ from: `::ffff:203.0.113.${i}` }))).toBe(Number.POSITIVE_INFINITY);
  });

  test('are so many within a second, though they end', () => {
    const clock = new SimulatedClock();
    const gate = admission({ maxConnectsPerSecond: 2, clock });
    const comes = (from: string) => {
      const admitted = gate.admit(request({ from }), 'websocket');
      if ('status' in admitted) return admitted.status;
      gate.entered(admitted);
      gate.left(admitted);
      return 'ok';
    };
    const [one, other] = ['203.0.113.7', '203.0.113.8'];
    clock.advance(5_000);
    expect([comes(one), comes(one), comes(one), comes(other)]).toEqual(['ok', 'ok', 429, 'ok']);
    clock.advance(999);
    expect(comes(one)).toBe(429);
    clock.advance(1);
    expect([comes(one), comes(one), comes(one)]).toEqual(['ok', 'ok', 429]);
  });

  test('make room again when they end', () => {
    const gate = admission({ maxConnectionsPerAddress: 1 });
    for (let i = 0; i < 3; i++) {
      const admitted = gate.admit(request(), 'websocket') as Peer;
      gate.entered(admitted);
      expect(gate.admit(request(), 'websocket')).toMatchObject({ status: 429 });
      gate.left(admitted);
    }
  });
});

describe('the certificate of a peer', () => {
  const shown = (options: Partial<AdmissionOptions>, subject: object, authorized = true) => {
    const asked = request({ tls: true });
    Object.assign(asked.socket, {
      authorized,
      getPeerCertificate: () => ({ subject, fingerprint256: 'AB:CD' }),
    });
    const peer = admission(options).admit(asked, 'websocket') as Peer;
    return peer.certificate;
  };

  test('is what TLS has verified', () => {
    expect(shown({}, { CN: 'kitchen' })).toEqual({ commonName: 'kitchen', fingerprint256: 'AB:CD' });
    expect(shown({}, { CN: ['a', 'b'] })).toEqual({ fingerprint256: 'AB:CD' });
    expect(shown({}, { CN: 'kitchen' }, false)).toBeUndefined();
  });

  test('is not that of a proxy', () => {
    expect(shown({ trustProxy: '203.0.113.7' }, { CN: 'proxy' })).toBeUndefined();
    expect(shown({ trustProxy: '10.0.0.1' }, { CN: 'kitchen' })).toMatchObject({ commonName: 'kitchen' });
  });
});

test('refusals come in the order of PROTOCOL.md', () => {
  const options = { loopbackOnly: true, requireSecure: true, maxConnectionsPerAddress: 0 } as const;
  const from = '127.0.0.1';
  const own = { host: 'localhost', origin: 'https://localhost' };
  expect(verdict(options, { headers: { origin: 'https://attacker.example' } })).toBe('LOOPBACK_ONLY');
  expect(verdict(options, { from, headers: { ...own, origin: 'https://attacker.example' } })).toBe(
    'ORIGIN_REFUSED',
  );
  expect(verdict(options, { from, headers: own })).toBe('TLS_REQUIRED');
  expect(verdict(options, { from, headers: own, tls: true })).toBe('TOO_MANY_CONNECTIONS');
});

test('a peer has its query and its bearer token', () => {
  const { query, token, origin, transport } = peer(
    {},
    {
      url: '/callboard?a=1&a=2&b=%2F',
      headers: { authorization: 'bearer  abc', origin: 'https://app.example' },
    },
  );
  expect([query.getAll('a'), query.get('b')]).toEqual([['1', '2'], '/']);
  expect([token, origin, transport]).toEqual(['abc', 'https://app.example', 'websocket']);
  expect(peer({}, { headers: { authorization: 'Basic abc' } }).token).toBeUndefined();
  expect([...peer({}, {}).query]).toEqual([]);
});

test('isLoopback', () => {
  expect(['127.0.0.1', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect([undefined, '', 'localhost', '127.x', '::', '1.127.0.0'].map(isLoopback)).not.toContain(true);
});
