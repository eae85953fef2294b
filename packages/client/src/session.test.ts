import type { ConnectedFrame, Streams } from '@callboard/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { connected } from '../test/scripted-transport.ts';
import { Session } from './session.ts';

let session: Session;
beforeEach(() => {
  session = new Session();
});

const head = (offset: number, epoch = 'epoch-1'): Pick<ConnectedFrame, 'streams'> => ({
  streams: { $inbox: { epoch, offset, recovered: true } },
});
const begin = (offset = 5) => session.welcome(connected(head(offset)));
const position = () => session.resume(0)?.positions.$inbox;
const at = (offset: number, epoch = 'epoch-1') => ({ epoch, offset });

describe('what it comes back with', () => {
  test('is nothing before the first connection, and after the end', () => {
    expect(session.resume(7)).toBeUndefined();
    begin();
    session.forget();
    expect(session.resume(7)).toBeUndefined();
  });

  test('is the last secret, its position, and the highest mid that was sent', () => {
    begin(5);
    expect(session.resume(9)).toEqual({ session: 'secret-1', positions: { $inbox: at(5) }, mid: 9 });
    session.welcome(connected({ session: 'secret-2', resumed: true, ...head(8) }));
    expect(session.resume(9)?.session).toBe('secret-2');
  });

  test('has no mid where no request was sent', () => {
    begin();
    expect(session.resume(0)).not.toHaveProperty('mid');
  });

  test.each<Streams>([{}, { $inbox: { recovered: false } }])(
    'has no position where the server says none: %j',
    (streams) => {
      session.welcome(connected({ streams }));
      expect(session.resume(1)?.positions).toEqual({});
    },
  );
});

// PROTOCOL.md, "Positions".
describe('its position', () => {
  beforeEach(() => begin(5));

  test.each<[string, () => void, ReturnType<typeof at>]>([
    ['begins where the stream is', () => {}, at(5)],
    [
      'stays where it was when it is resumed',
      () => session.welcome(connected({ resumed: true, ...head(9) })),
      at(5),
    ],
    [
      'is the stream’s in a new session',
      () => session.welcome(connected(head(2, 'epoch-2'))),
      at(2, 'epoch-2'),
    ],
    ['moves on with a message', () => session.takes(6), at(6)],
    ['moves over holes', () => session.takes(9), at(9)],
    ['moves on with the offset of a reply or ping', () => session.moveTo(8), at(8)],
    ['never moves back with one', () => session.moveTo(4), at(5)],
    ['never moves back with a message', () => session.takes(3), at(5)],
    ['goes where a gap leads', () => session.skipTo(at(64)), at(64)],
    ['goes back with a gap to another epoch', () => session.skipTo(at(0, 'epoch-2')), at(0, 'epoch-2')],
  ])('%s', (_, happens, expected) => {
    happens();
    expect(position()).toEqual(expected);
  });

  test('of a session that is resumed without one is the stream’s', () => {
    const other = new Session();
    other.welcome(connected({ streams: {} }));
    other.welcome(connected({ resumed: true, ...head(3) }));
    expect(other.resume(0)?.positions.$inbox).toEqual(at(3));
  });
});

describe('messages', () => {
  test('are taken once, in order', () => {
    begin(5);
    expect([6, 6, 5, 8, 7, 8, 9].map((offset) => session.takes(offset))).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
  });

  test('are taken anew in another epoch', () => {
    begin(5);
    session.skipTo(at(0, 'epoch-2'));
    expect([1, 1, 2].map((offset) => session.takes(offset))).toEqual([true, false, true]);
  });

  const flags = (...offsets: number[]) =>
    offsets.map((offset) => session.takes(offset) && session.recovered(offset));

  test('are recovered up to where the stream was when the client came back', () => {
    begin(5);
    expect(flags(6)).toEqual([false]);
    session.welcome(connected({ resumed: true, ...head(9) }));
    expect(flags(8, 9, 10)).toEqual([true, true, false]);
  });

  test('of a new session are none that were missed', () => {
    begin(5);
    session.welcome(connected(head(9)));
    expect(flags(10)).toEqual([false]);
  });

  test('are recovered after a gap in the same epoch', () => {
    begin(5);
    session.welcome(connected({ resumed: true, ...head(70) }));
    session.skipTo(at(64));
    expect(flags(65, 70, 71)).toEqual([true, true, false]);
  });

  test('are recovered after a gap to the epoch that the stream is in', () => {
    begin(5);
    session.welcome(connected({ resumed: true, ...head(2, 'epoch-2') }));
    session.skipTo(at(0, 'epoch-2'));
    expect(flags(1, 2, 3)).toEqual([true, true, false]);
  });

  test('are live after a gap to an epoch that began since', () => {
    begin(5);
    session.welcome(connected({ resumed: true, ...head(9) }));
    session.skipTo(at(0, 'epoch-3'));
    expect(flags(1)).toEqual([false]);
  });
});

describe('the generation', () => {
  test('is another one in each new session, and the same in one that goes on', () => {
    const generations = [false, true, true, false, true].map((resumed) => {
      session.welcome(connected({ resumed }));
      return session.generation;
    });
    expect(generations).toEqual([1, 1, 1, 2, 2]);
  });

  test('is never 0, which stands for what was never written', () => {
    session.welcome(connected({ resumed: true }));
    expect(session.generation).toBe(1);
  });

  test('does not depend on the streams', () => {
    session.welcome(connected({ streams: {} }));
    session.welcome(connected({ streams: {}, resumed: true }));
    expect(session.generation).toBe(1);
  });
});

test('the client id is that of the latest connection', () => {
  expect(session.clientId).toBeUndefined();
  begin();
  session.welcome(connected({ clientId: 'client-2' }));
  expect(session.clientId).toBe('client-2');
});
