import { createHarness } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';

test('the Stately inspector sees the server, users and clients, and what becomes of them', async () => {
  const seen: StatelyInspectionEvent[] = [];
  const inspector = createInspector({ send: (event: StatelyInspectionEvent) => void seen.push(event) });
  const { connect, clock } = await createHarness({ inspect: inspector.inspect });
  const tab = await connect(44);
  tab.cut();
  clock.advance(60_000);

  const events = () => seen.flatMap((event) => (event.type === '@xstate.event' ? [event.event.type] : []));
  // The inspector passes on what it saw when the process is idle.
  while (!events().includes('DEADLINE')) await new Promise((resolve) => void setImmediate(resolve));
  expect(events()).toEqual(expect.arrayContaining(['START', 'CLIENTS_CHANGED', 'LOST', 'DEADLINE']));
  const machines = seen.flatMap((event) =>
    event.type === '@xstate.actor' && event.definition ? [JSON.parse(event.definition).id] : [],
  );
  expect(machines).toEqual(expect.arrayContaining(['server', 'user', 'client']));
});
