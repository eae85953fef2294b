import { byId, duration } from './dom.ts';
import { MyTabs, shownEvents, type Tab } from './my-tabs.ts';
import { Notices } from './notices.ts';
import { PromptBook } from './prompt-book.ts';
import type { Answer, Body } from './requests.ts';
import { Status } from './status.ts';
import { Wire } from './wire.ts';

const endPoint = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/callboard`;
const status = new Status();
const notices = new Notices(byId('notices', HTMLElement), byId('notices-empty', HTMLElement));
const tabs = new MyTabs(byId('tabs', HTMLElement), byId('events', HTMLElement));
const book = new PromptBook(byId('frames', HTMLElement), byId('unfold', HTMLInputElement));
let wire: Wire | undefined;

/** Comes in under a name, as a new client. */
function enter(userId: string): void {
  const entered = new Wire(endPoint, userId, shownEvents, {
    onState: (state) => status.show(state),
    onConnected: (arrival) => {
      const { clientId } = arrival.frame;
      byId('client-id', HTMLElement).textContent = clientId;
      notices.arrived(arrival);
      void entered.request({ op: 'call', action: { type: 'MY_TABS' } }).then((answer) => {
        // Answers come after what was missed (PROTOCOL.md, "Recovery").
        notices.recovered();
        if (answer.ok) tabs.counted(clientId, (answer.result as { tabs: readonly Tab[] }).tabs);
      });
    },
    onMessage: (frame, missed) => notices.message(frame, missed, userId),
    onGap: (frame) => notices.gap(frame),
    onEvent: (event) => tabs.event(event),
    onFrame: (direction, frame) => book.frame(direction, frame),
    onClosed: (code, reason) => book.remark(`closed: ${code} ${reason}`),
  });
  wire = entered;
  notices.clear();
  tabs.clear();
  book.clear();
  for (const each of document.querySelectorAll('output')) each.replaceChildren();
  byId('user-id', HTMLElement).textContent = userId;
  byId('send-to', HTMLInputElement).value = userId === 'ann' ? 'ben' : 'ann';
  byId('another-tab', HTMLAnchorElement).href = `/?as=${encodeURIComponent(userId)}`;
  document.title = `${userId} · Callboard`;
  document.body.dataset.view = 'board';
  byId('broadcast-text', HTMLInputElement).focus();
  entered.connect();
}

function leave(): void {
  wire?.end();
  wire = undefined;
  document.title = 'Callboard';
  document.body.dataset.view = 'door';
  history.replaceState(null, '', '/');
  byId('user-name', HTMLInputElement).focus();
}

byId('door', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const chosen = (event.submitter as HTMLButtonElement | null)?.value;
  const userId = chosen || byId('user-name', HTMLInputElement).value.trim();
  if (userId !== '') enter(userId);
});
byId('leave', HTMLButtonElement).addEventListener('click', leave);
byId('cut', HTMLButtonElement).addEventListener('click', () => {
  const name = wire?.state.name;
  if (name === 'online' || name === 'connecting') wire?.cut();
  else wire?.connect();
});

/** A form that makes a request of what is in it, and shows how that went. */
function answering(
  name: string,
  read: () => Body | undefined,
  tell: (answer: Answer & { ok: true }) => string,
): HTMLFormElement {
  const form = byId(name, HTMLFormElement);
  const output = byId(`${name}-answer`, HTMLOutputElement);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = read();
    if (wire === undefined || body === undefined) return;
    const { name: state } = wire.state;
    show('waits', state === 'online' ? 'Sent …' : 'Kept until this tab is online again …');
    const answer = await wire.request(body);
    if (answer.ok) show('done', tell(answer), duration(answer.ms));
    else show('failed', `${answer.message} (${answer.code})`);
  });
  const show = (kind: string, text: string, took = '') => {
    output.dataset.kind = kind;
    output.textContent = took === '' ? text : `${text} `;
    if (took === '') return;
    const time = document.createElement('span');
    time.className = 'took';
    time.textContent = took;
    time.title = 'From the request to its reply';
    output.append(time);
  };
  return form;
}

/** The text in a field, which is empty afterwards and ready for the next one. */
function take(id: string): string | undefined {
  const field = byId(id, HTMLInputElement);
  const text = field.value.trim();
  if (text === '') return undefined;
  field.value = '';
  field.focus();
  return text;
}

answering(
  'broadcast',
  () => {
    const text = take('broadcast-text');
    return text === undefined ? undefined : { op: 'broadcast', action: { type: 'NOTE', text } };
  },
  () => 'On its way to your other tabs.',
);

answering(
  'send',
  () => {
    const names = byId('send-to', HTMLInputElement).value.split(',');
    const to = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))];
    const text = to.length === 0 ? undefined : take('send-text');
    return text === undefined ? undefined : { op: 'send', to, action: { type: 'NOTE', text } };
  },
  () => 'In the inbox of whoever is there.',
);

const question = byId('ask-type', HTMLSelectElement);
const askText = byId('ask-text', HTMLInputElement);
const fitQuestion = () => {
  byId('ask-text-field', HTMLElement).hidden = question.value !== 'ECHO';
  askText.required = question.value === 'ECHO';
};
question.addEventListener('change', fitQuestion);
fitQuestion();

answering(
  'ask',
  () => {
    const type = question.value;
    const text = type === 'ECHO' ? { text: askText.value } : {};
    return { op: 'call', action: { type, ...text } };
  },
  ({ result }) => {
    const { text, time, seat, left } = result as Record<string, string | number>;
    if (time !== undefined) return `It is ${new Date(time).toLocaleTimeString('en-GB')}.`;
    if (seat !== undefined) return `Seat ${seat} is yours; ${left} are left.`;
    return `“${text}”`;
  },
);

const named = new URLSearchParams(location.search).get('as')?.trim();
if (named) enter(named);
else byId('user-name', HTMLInputElement).focus();
