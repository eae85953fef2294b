import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isData } from './bytes.ts';
import { jsonCodec } from './codec.ts';
import { comesBack, disconnects, errors } from './errors.ts';
import { nativeEvents } from './events.ts';
import { type ClientFrame, INBOX, PROTOCOL_VERSION, type ServerFrame, SUBPROTOCOL } from './frames.ts';
import { frameLimits, isAction, isChannel, isFilter } from './validate.ts';

/** PROTOCOL.md says what the code does: its tables are the code's, and its examples are frames. */

const protocol = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');

/** What stands below a heading, up to the next of its level or above. */
function section(title: string, within = protocol): string {
  const heading = new RegExp(`^(#+) ${title.replace(/[`.]/g, '\\$&')}$`, 'm').exec(within);
  if (heading === null) throw new Error(`no section ${title}`);
  const [line, marks = ''] = heading;
  const after = within.slice(heading.index + line.length);
  const end = new RegExp(`^#{1,${marks.length}} `, 'm').exec(after);
  return after.slice(0, end?.index);
}

/** The rows of the tables in a text, without their heads; one list a table. */
function tables(text: string): string[][][] {
  const found = text.match(/(^\|.*\n)+/gm) ?? [];
  return found.map((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row) => row.slice(1, -1).split('|'))
      .map((cells) => cells.map((cell) => cell.trim())),
  );
}

function table(title: string, place = 0): string[][] {
  const found = tables(section(title))[place];
  if (found === undefined) throw new Error(`no table ${place} in ${title}`);
  return found;
}

const plain = (cell = '') => cell.replaceAll('`', '');
const firstOf = (rows: string[][]) => rows.map(([first]) => plain(first));
const number = (cell = '') => Number(/[\d,]+/.exec(cell)?.[0].replaceAll(',', ''));

describe('the catalogues', () => {
  test('errors', () => {
    const documented = table('Errors').map(([code, retryable, effect]) => [plain(code), retryable, effect]);
    expect(documented).toEqual(
      Object.entries(errors).map(([code, { retryable, effect }]) => [code, retryable ? 'yes' : 'no', effect]),
    );
  });

  test('close codes', () => {
    const documented = table('Close codes', 1).map(([code, name, back]) => [Number(code), plain(name), back]);
    expect(documented).toEqual(
      Object.entries(disconnects).map(([name, code]) => [code, name, comesBack(code) ? 'yes' : 'no']),
    );
  });

  test.each(table('Close codes', 2))("WebSocket's own %s: %s", (code, back) => {
    expect(comesBack(Number(code)) ? 'yes' : 'no').toBe(back);
  });

  test.each(table('Close codes'))('the range %s', (range = '', _whose, back = '') => {
    const [first, last] = range.split('–').map(Number);
    if (back.startsWith('as listed')) return expect(first).toBe(1000);
    for (const code of [first, last]) expect(comesBack(code as number) ? 'yes' : 'no').toBe(back);
  });

  test('native events', () => {
    const documented = (['server', 'user', 'client'] as const).map((entity) => {
      const title = entity === 'server' ? 'Of the server' : `Of a ${entity}`;
      return [entity, firstOf(table(title))];
    });
    expect(Object.fromEntries(documented)).toEqual(nativeEvents);
  });

  test('what one frame may hold', () => {
    const documented = table('Limits', 1).map(([name, most]) => [plain(name), number(most)]);
    expect(Object.fromEntries(documented)).toEqual(frameLimits);
  });

  test('every code that is named is there', () => {
    const upgrade = ['NOT_FOUND', 'UNAVAILABLE', 'LOOPBACK_ONLY', 'ORIGIN_REFUSED', 'TLS_REQUIRED'];
    const known = new Set<string>([
      ...Object.keys(errors),
      ...Object.keys(disconnects),
      ...Object.values(nativeEvents).flat(),
      ...upgrade,
      'TOO_MANY_CONNECTIONS',
      ...[...section('HTTP').matchAll(/^\| \d+ \| `(\w+)` \|/gm)].map(([, code]) => code as string),
      ...['FREE_SEATS', 'PRINT_TICKETS', 'TICKETS_PRINTED'],
    ]);
    const named = [...protocol.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, code]) => code as string);
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });

  test('names and numbers', () => {
    expect(protocol).toContain(`# The Callboard protocol, version ${PROTOCOL_VERSION}\n`);
    expect(section('Transport')).toContain(`\`${SUBPROTOCOL}\``);
    expect(section('`connect`')).toContain(`the stream \`${INBOX}\``);
  });
});

const clientOps: Record<ClientFrame['op'], true> = {
  connect: true,
  call: true,
  broadcast: true,
  send: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  history: true,
  refresh: true,
  activity: true,
  pong: true,
};
const serverOps: Record<ServerFrame['op'], true> = {
  connected: true,
  reply: true,
  error: true,
  message: true,
  publication: true,
  gap: true,
  unsubscribed: true,
  event: true,
  ping: true,
  disconnect: true,
};

type Example = Record<string, unknown> & { readonly op: string };

/** The JSON blocks of a frame's own section. */
function examplesOf(op: string): Example[] {
  return [...section(`\`${op}\``).matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) =>
    JSON.parse(json as string),
  );
}

/** The frames of the sample session, by who sends them. */
function sampleFrames(arrow: '→' | '←'): Example[] {
  const blocks = [...section('A sample session').matchAll(/```text\n([\s\S]*?)```/g)].map(
    ([, block]) => block,
  );
  const frames = blocks.join('').matchAll(/^[AB] (→|←) (\{.*(?:\n {2,}.*)*)/gm);
  return [...frames].filter(([, way]) => way === arrow).map(([, , json]) => JSON.parse(json as string));
}

interface Field {
  readonly path: readonly string[];
  readonly type: string;
  readonly required: boolean;
}

function fieldsOf(op: string): Field[] {
  return table(`\`${op}\``).map(([name, type = '', need]) => {
    if (need !== 'required' && need !== 'optional') throw new Error(`${op}.${name}: ${need}`);
    return { path: plain(name).split('.'), type: plain(type), required: need === 'required' };
  });
}

const isObject = (value: unknown): value is Example =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isString = (value: unknown) => typeof value === 'string';
const isUserId = (value: unknown) => isString(value) || Number.isSafeInteger(value);

/** What the type column of the tables says. */
const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  any: () => true,
  integer: Number.isSafeInteger,
  'integer ≥ 0': (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  number: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
  string: isString,
  name: isString,
  object: isObject,
  action: isAction,
  mid: (value) => Number.isSafeInteger(value) && Number(value) > 0,
  'mid or 0': (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  position: (value) => isObject(value) && isString(value.epoch) && Number.isSafeInteger(value.offset),
  'user id': isUserId,
  data: isData,
  channel: isChannel,
  list: Array.isArray,
  'list of channels and filters': (value) =>
    Array.isArray(value) && value.every((each) => isChannel(each) || isFilter(each)),
  'list of names': (value) => Array.isArray(value) && value.every(isString),
  'user id, or list of user ids': (value) => [value].flat().every(isUserId),
};

function isOf(type: string, value: unknown): boolean {
  if (type === 'true') return value === true;
  if (type.startsWith('"')) return [...type.matchAll(/"(.*?)"/g)].some(([, each]) => each === value);
  const check = types[type];
  if (check === undefined) throw new Error(`a type that nobody knows: ${type}`);
  return check(value);
}

const at = (value: unknown, path: readonly string[]) =>
  path.reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);

function expectAsDocumented(frame: Example): void {
  const fields = fieldsOf(frame.op);
  for (const { path, type, required } of fields) {
    const owner = at(frame, path.slice(0, -1));
    const value = at(frame, path);
    if (owner === undefined || (value === undefined && !required)) continue;
    expect({ path, type, value, ok: isOf(type, value) }).toMatchObject({ ok: true });
  }
  const known = fields.filter(({ path }) => path.length === 1).map(({ path: [name] }) => name);
  expect(known).toEqual(expect.arrayContaining(Object.keys(frame).filter((name) => name !== 'op')));
}

describe('the frames', () => {
  test('those of clients, and only those, are documented', () => {
    expect(firstOf(table('Frames'))).toEqual(Object.keys(clientOps));
    for (const op of Object.keys(clientOps))
      expect(section(`\`${op}\``)).toContain('Direction: client → server\n');
  });

  test('those of servers, and only those, are documented', () => {
    expect(firstOf(table('Frames', 1))).toEqual(Object.keys(serverOps));
    for (const op of Object.keys(serverOps))
      expect(section(`\`${op}\``)).toContain('Direction: server → client\n');
  });

  test('no other has a section', () => {
    const titles = [...section('Frames').matchAll(/^### `(\w+)`$/gm)].map(([, op]) => op);
    expect(titles).toEqual([...Object.keys(clientOps), ...Object.keys(serverOps)]);
  });

  test.each([...Object.keys(clientOps), ...Object.keys(serverOps)])('%s has an example', (op) => {
    const examples = examplesOf(op);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example.op).toBe(op);
      expectAsDocumented(example);
    }
  });

  test.each(Object.keys(clientOps))('the codec reads the examples of %s, and drops nothing', (op) => {
    for (const example of examplesOf(op)) {
      const frame = jsonCodec.decodeClient(JSON.stringify(example));
      expect(Object.keys(frame).sort()).toEqual(Object.keys(example).sort());
    }
  });

  test.each(Object.keys(serverOps))('the codec reads the examples of %s', (op) => {
    for (const example of examplesOf(op))
      expect(jsonCodec.decodeServer(JSON.stringify(example))).toEqual(example);
  });

  const fields = Object.keys(clientOps).flatMap((op) =>
    fieldsOf(op).map(
      ({ path, required }) => [op, path.join('.'), required ? 'required' : 'optional'] as const,
    ),
  );
  test.each(fields)('%s.%s is %s', (op, name, need) => {
    const path = name.split('.');
    const full = examplesOf(op).find((example) => at(example, path.slice(0, -1)) !== undefined);
    const without = structuredClone(full);
    Reflect.deleteProperty(at(without, path.slice(0, -1)) as object, path.at(-1) as string);
    const decode = () => jsonCodec.decodeClient(JSON.stringify(without));
    // A user id that is missing has a code of its own: the frame is read, and then refused.
    if (need === 'optional' || name === 'userId') expect(decode().op).toBe(op);
    else expect(decode).toThrow();
  });

  test('the frames of the sample session are as documented', () => {
    const sent = sampleFrames('→');
    const received = sampleFrames('←');
    expect(sent.length).toBeGreaterThan(8);
    expect(received.length).toBeGreaterThan(12);
    for (const frame of [...sent, ...received]) expectAsDocumented(frame);
    for (const frame of sent) expect(() => jsonCodec.decodeClient(JSON.stringify(frame))).not.toThrow();
  });

  test('events have the fields of their tables', () => {
    const all = (['Of the server', 'Of a user', 'Of a client'] as const).flatMap((title) => table(title));
    const events = [...examplesOf('event'), ...sampleFrames('←').filter(({ op }) => op === 'event')];
    expect(events.length).toBeGreaterThan(3);
    for (const { event } of events) {
      const { type, ...rest } = event as Example;
      const listed = all.find(([name]) => plain(name) === type)?.[1] ?? '';
      const names = [...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
      expect(Object.keys(rest).sort()).toEqual([...names, 'at'].sort());
    }
  });
});

test('every link leads to a heading', () => {
  const slug = (title: string) => title.toLowerCase().replaceAll('`', '').replaceAll(' ', '-');
  const headings = [...protocol.matchAll(/^#+ (.+)$/gm)].map(([, title]) => `#${slug(title as string)}`);
  const links = [...protocol.matchAll(/\]\((#[^)]+)\)/g)].map(([, link]) => link);
  expect(links.filter((link) => !headings.includes(link as string))).toEqual([]);
});
