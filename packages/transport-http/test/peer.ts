import type { IncomingMessage } from 'node:http';
import { type Running, until } from './support.ts';
import { type Answer, asking } from './wire.ts';

/** A client made of single requests, each as the test wants it. */

export const connect = '{"op":"connect","version":1,"userId":44}';
export const note = (n: number) => `{"op":"call","mid":${n},"action":{"type":"NOTE","n":${n}}}`;
export const datas = (body: string) =>
  [...body.matchAll(/^data: (.*)$/gm)].map(([, text]) => JSON.parse(text as string));
export const verdict = ({ status, code }: Answer) => (code === undefined ? status : `${status} ${code}`);
export const send = (running: Running, n: number) => running.server.sendToUser(44, { type: 'NOTE', n });
export const noteIn = ({ action }: { action?: { n: number } }) => action?.n;

/** A connection that is connected, and has polled once. */
export async function polling(running: Running): Promise<string> {
  const id = await running.open();
  await running.post(id, 1, connect);
  const [welcome] = datas((await running.poll(id, 1)).body);
  if (welcome?.op !== 'connected') throw new Error('not welcomed');
  return id;
}

/** A poll that has got to the server. */
export async function pending(
  running: Running,
  id: string,
  poll: number,
): Promise<{ readonly answer: Promise<Answer> }> {
  let answer!: Promise<Answer>;
  await running.reached(() => {
    answer = running.poll(id, poll);
  });
  return { answer };
}

/** A connection with a stream, and what comes by it. */
export async function streaming(running: Running, id: string) {
  const response = await asking(running.url, { headers: { 'callboard-connection': id } });
  let text = '';
  response.setEncoding('utf8');
  response.on('error', () => {});
  response.on('data', (chunk) => {
    text += chunk;
  });
  return { response, text: () => text };
}

/** Whether it ended well or not. */
export const closed = (response: IncomingMessage) =>
  until(() => response.destroyed, 'the end of the response');
