import { readFileSync, writeFileSync } from 'node:fs';
import { connectionMachine } from '@callboard/client';
import { clientMachine, serverMachine, userMachine } from '@callboard/core';
import { describe, expect, test } from '@jest/globals';
import { mermaid } from './mermaid.mjs';

const document = new URL('../ARCHITECTURE.md', import.meta.url);

describe('ARCHITECTURE.md', () => {
  // UPDATE_DIAGRAMS=1 draws them anew.
  test.each([serverMachine, userMachine, clientMachine, connectionMachine])(
    'draws the machine as it is: $id',
    (machine) => {
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
