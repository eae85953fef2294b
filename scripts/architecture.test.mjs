import { readFileSync, writeFileSync } from 'node:fs';
import { connectionMachine } from '@callboard/client';
import { clientMachine, serverMachine, userMachine } from '@callboard/core';
import { presenceMachine } from '@callboard/plugin-presence';
import { circuitMachine } from '@callboard/plugin-refetch';
import { describe, expect, test } from '@jest/globals';
import { mermaid } from './mermaid.mjs';

const drawn = [
  ...[serverMachine, userMachine, clientMachine, connectionMachine].map((machine) => [
    'ARCHITECTURE.md',
    machine,
  ]),
  ['docs/presence.md', presenceMachine],
  ['docs/refetch.md', circuitMachine],
];

describe('the documents', () => {
  // UPDATE_DIAGRAMS=1 draws them anew.
  test.each(drawn.map(([file, machine]) => ({ file, machine, id: machine.id })))(
    '$file draws the machine as it is: $id',
    ({ file, machine }) => {
      const document = new URL(`../${file}`, import.meta.url);
      const text = readFileSync(document, 'utf8');
      const place = new RegExp(`(<!-- machine: ${machine.id} -->\n\`\`\`mermaid\n)(.*?)(\n\`\`\`)`, 's');
      expect(text).toMatch(place);
      if (process.env.UPDATE_DIAGRAMS) {
        writeFileSync(
          document,
          text.replace(place, (_, before, _old, after) => before + mermaid(machine) + after),
        );
      } else {
        expect(place.exec(text)?.[2]).toBe(mermaid(machine));
      }
    },
  );
});
