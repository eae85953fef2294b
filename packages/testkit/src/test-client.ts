import assert from 'node:assert/strict';
import type { Awaitable } from '@callboard/core';
import {
  type Action,
  type AnyAction,
  type Codec,
  type ConnectedFrame,
  type ConnectFrame,
  type DisconnectFrame,
  type DisconnectReason,
  disconnectName,
  disconnects,
  type ErrorCode,
  type ErrorFrame,
  type GapFrame,
  type HistoryFrame,
  type HistoryPage,
  INBOX,
  jsonCodec,
  type MessageFrame,
  type Position,
  PROTOCOL_VERSION,
  type PublicationFrame,
  type PublishFrame,
  type RequestFrame,
  type Resume,
  type ServerFrame,
  type Streams,
  type Subscribed,
  type UnsubscribedFrame,
  type UserId,
} from '@callboard/protocol';
import { Arrivals } from './arrivals.ts';
import { PATIENCE_MS } from './live-clock.ts';
import { matches } from './match.ts';
import type { RequestFields, TestClientOptions } from './test-client-options.ts';
import type { ClientWire, Closed } from './wire.ts';

type PublishFields = Pick<PublishFrame, 'meta' | 'version' | 'key' | 'exclude'>;
type HistoryFields = Pick<HistoryFrame, 'before' | 'limit'>;

/**
 * A client as PROTOCOL.md has it, made for tests: nothing is hidden, and nothing happens unasked but the answer to
 * pings. Expectations take what they are met by, in the order of arrival: messages and gaps as one sequence, what comes of
 * channels as another, events as a third, replies and errors by `mid`.
 */
export class TestClient<Wire extends ClientWire = ClientWire> {
  /** The latest connection. */
  wire!: Wire;
  /** The latest `connected`. */
  connected!: ConnectedFrame;
  /** Where it stands in its inbox. */
  position: Position | undefined;
  /** Where it stands in its channels, by name. */
  readonly channels = new Map<string, Position>();
  /** Requests that nothing has settled yet, by `mid`. */
  readonly unsettled = new Map<number, RequestFrame>();
  readonly #open: () => Awaitable<Wire>;
  readonly #options: TestClientOptions;
  readonly #codec: Codec;
  readonly #arrivals: Arrivals;
  #session: string | undefined;
  #mid: number;

  constructor(open: () => Awaitable<Wire>, options: TestClientOptions = {}) {
    this.#open = open;
    this.#options = options;
    this.#codec = options.codec ?? jsonCodec;
    this.#arrivals = new Arrivals(options.settle, options.timeoutMs ?? PATIENCE_MS);
    this.#session = options.resume?.session;
    this.#mid = options.resume?.mid ?? 0;
    this.position = options.resume?.positions[INBOX];
  }

  /** All frames that came, over all connections, the oldest first. */
  get frames(): readonly ServerFrame[] {
    return this.#arrivals.frames;
  }

  /** How the latest connection ended; undefined while it is open. */
  get closed(): Closed | undefined {
    return this.#arrivals.closed;
  }

  get clientId(): string {
    return this.connected.clientId;
  }

  /** What it would come back with. */
  get resumption(): Resume {
    assert.ok(this.#session !== undefined, 'this client has no session');
    const positions: Record<string, Position> = Object.fromEntries(this.channels);
    if (this.position !== undefined) positions[INBOX] = this.position;
    return { session: this.#session, positions, mid: this.#mid };
  }

  /** Opens a connection and says nothing on it. */
  async open(): Promise<void> {
    const wire = await this.#open();
    this.wire = wire;
    this.#arrivals.begin();
    // What comes by a connection that was left for a newer one is as good as lost.
    wire.onFrame((text) => {
      if (wire === this.wire) this.#received(text);
    });
    wire.onClose((code, reason) => {
      if (wire === this.wire) this.#arrivals.end({ code, reason });
    });
  }

  /** Opens a connection and sends `connect`, with `fields` over what the options say; does not wait for the answer. */
  async dial(fields: Partial<ConnectFrame> = {}): Promise<void> {
    await this.open();
    const { userId, token, device, resume } = this.#options;
    this.raw(
      this.#codec.encode({
        op: 'connect',
        version: PROTOCOL_VERSION,
        ...(userId !== undefined && { userId: String(userId) }),
        ...(token !== undefined && { token }),
        ...(device !== undefined && { device }),
        ...(resume !== undefined && { resume }),
        ...fields,
      }),
    );
  }

  /** Opens a connection, sends `connect` and is welcomed. */
  async connect(fields: Partial<ConnectFrame> = {}): Promise<ConnectedFrame> {
    await this.dial(fields);
    return this.expectConnected();
  }

  /**
   * Comes back with its session and position, and sends again what is not settled, in the order of mids. It does so
   * where the session is lost too, though a real client would settle that as OUTCOME_UNKNOWN by itself: a test sees
   * that the server says the same.
   */
  async resume(fields: Partial<ConnectFrame> = {}): Promise<ConnectedFrame> {
    const connected = await this.connect({ resume: this.resumption, ...fields });
    const waiting = [...this.unsettled.values()].sort((a, b) => a.mid - b.mid);
    for (const frame of waiting) this.raw(this.#codec.encode(frame));
    return connected;
  }

  /** Loses the link. */
  cut(): void {
    this.wire.cut();
  }

  /** Ends the connection and the session. */
  close(): void {
    this.wire.close();
  }

  /** Sends a text as it is. */
  raw(text: string): void {
    this.wire.send(text);
  }

  /** Sends a request and gives its `mid`: the next one, unless it has one. */
  request(fields: RequestFields): number {
    const mid = fields.mid ?? this.#mid + 1;
    const confirmed = this.#options.confirms === true && { settled: this.settledUpTo };
    this.#mid = Math.max(this.#mid, mid);
    const frame = { ...confirmed, ...fields, mid } as RequestFrame;
    this.unsettled.set(mid, frame);
    this.raw(this.#codec.encode(frame));
    return mid;
  }

  /** The highest `mid` up to which all requests are settled. */
  get settledUpTo(): number {
    return Math.min(this.#mid + 1, ...this.unsettled.keys()) - 1;
  }

  call<A extends Action>(action: A): number {
    return this.request({ op: 'call', action: action as Action as AnyAction });
  }

  broadcast<A extends Action>(action: A): number {
    return this.request({ op: 'broadcast', action: action as Action as AnyAction });
  }

  send<A extends Action>(action: A, to: UserId | readonly UserId[]): number {
    const ids = (Array.isArray(to) ? to : [to]) as readonly UserId[];
    return this.request({ op: 'send', action: action as Action as AnyAction, to: ids.map(String) });
  }

  /** Subscribes to native events, and waits until that is so. */
  async subscribe(events: string | readonly string[]): Promise<void> {
    const list = typeof events === 'string' ? [events] : events;
    await this.expectReply(this.request({ op: 'subscribe', events: list }));
  }

  /** `data` as it is on the wire. */
  publish(channel: string, data: unknown, fields: PublishFields = {}): number {
    return this.request({ op: 'publish', channel, data, ...fields });
  }

  /** Asks for a page of what a channel keeps, and waits for it. */
  async history(channel: string, fields: HistoryFields = {}): Promise<HistoryPage> {
    return (await this.expectReply(this.request({ op: 'history', channel, ...fields }))) as HistoryPage;
  }

  /** Subscribes to channels, and waits until that is so. */
  async join(
    channels: string | readonly string[],
    positions?: Readonly<Record<string, Position>>,
  ): Promise<Streams> {
    const list = typeof channels === 'string' ? [channels] : channels;
    const mid = this.request({ op: 'subscribe', channels: list, ...(positions && { positions }) });
    return ((await this.expectReply(mid)) as Subscribed).streams;
  }

  /** Unsubscribes from channels, and waits until that is so. */
  async leave(channels: string | readonly string[]): Promise<void> {
    const list = typeof channels === 'string' ? [channels] : channels;
    await this.expectReply(this.request({ op: 'unsubscribe', channels: list }));
  }

  /** The welcome to the latest connection. */
  expectConnected(): Promise<ConnectedFrame> {
    return this.#arrivals.take('a welcome', (frame) => frame.op === 'connected' && frame);
  }

  /** The next message, or gap: a message whose action has these fields. */
  async expectMessage(action: object = {}): Promise<MessageFrame> {
    const what = `a message ${JSON.stringify(action)}`;
    const frame = await this.#arrivals.take(what, ofInbox);
    if (frame.op !== 'message' || !matches(frame.action, action)) this.#arrivals.fail(what, frame);
    return frame;
  }

  /** The next publication, or gap of a channel: a publication with these fields. */
  async expectPublication(fields: Partial<PublicationFrame> = {}): Promise<PublicationFrame> {
    const what = `a publication ${JSON.stringify(fields)}`;
    const frame = await this.#arrivals.take(what, ofChannels);
    if (frame.op !== 'publication' || !matches(frame, fields)) this.#arrivals.fail(what, frame);
    return frame;
  }

  /** The next message, or gap, of the inbox or, where `stream` is another one, of channels: a gap with these fields. */
  async expectGap(fields: Partial<GapFrame> = {}): Promise<GapFrame> {
    const what = `a gap ${JSON.stringify(fields)}`;
    const { stream = INBOX } = fields;
    const frame = await this.#arrivals.take<ServerFrame>(what, stream === INBOX ? ofInbox : ofChannels);
    if (frame.op !== 'gap' || !matches(frame, fields)) this.#arrivals.fail(what, frame);
    return frame;
  }

  /** That the server has ended subscriptions. */
  expectUnsubscribed(): Promise<UnsubscribedFrame> {
    return this.#arrivals.take('an unsubscribed', (frame) => frame.op === 'unsubscribed' && frame);
  }

  /** The reply to a request: its result. */
  async expectReply(mid: number): Promise<unknown> {
    const what = `a reply to ${mid}`;
    const frame = await this.#arrivals.take(what, answers(mid));
    if (frame.op !== 'reply') this.#arrivals.fail(what, frame);
    return frame.result;
  }

  /** The error that settles a request. */
  async expectError(mid: number, code: ErrorCode | (string & {})): Promise<ErrorFrame> {
    const what = `the error ${code} to ${mid}`;
    const frame = await this.#arrivals.take(what, answers(mid));
    if (frame.op !== 'error' || frame.code !== code) this.#arrivals.fail(what, frame);
    return frame;
  }

  /** The next event: one of this type, with these fields. */
  async expectEvent(type: string, fields: object = {}): Promise<AnyAction> {
    const what = `an event ${JSON.stringify({ type, ...fields })}`;
    const frame = await this.#arrivals.take(what, (each) => each.op === 'event' && each);
    if (!matches(frame.event, { type, ...fields })) this.#arrivals.fail(what, frame);
    return frame.event;
  }

  /**
   * That nothing came but what was taken, and pings. Without `settle` a round trip makes sure of what the server has
   * sent until now.
   */
  async expectNothing(): Promise<void> {
    if (this.#options.settle !== undefined) await this.#options.settle();
    else if (this.closed === undefined) {
      await this.expectReply(this.request({ op: 'unsubscribe', events: ['SERVER_STARTED'] }));
    }
    const [first] = this.#arrivals.untaken;
    if (first !== undefined) this.#arrivals.fail('nothing', first);
  }

  /** That the connection ends with this code, and with a `disconnect` that says the same where there is one. */
  async expectClose(
    code: number | DisconnectReason,
  ): Promise<Closed & { readonly disconnect: DisconnectFrame | undefined }> {
    const closed = await this.#arrivals.ended(`the end with ${code}`);
    const disconnect = this.#arrivals.takeNow((frame) => frame.op === 'disconnect' && frame);
    const expected = typeof code === 'number' ? code : disconnects[code];
    const [wanted, got] = [disconnectName(expected), disconnectName(closed.code)];
    assert.equal(got, wanted, `expected the end with ${wanted}, not with ${got}: ${closed.reason}`);
    if (disconnect !== undefined) assert.equal(disconnect.code, closed.code);
    return { ...closed, disconnect };
  }

  #received(text: string): void {
    const frame = this.#codec.decodeServer(text);
    switch (frame.op) {
      case 'connected':
        this.connected = frame;
        this.#session = frame.session;
        // What was missed is on its way: the position moves with it.
        if (!frame.resumed || this.position === undefined) this.position = positionIn(frame);
        break;
      case 'message':
        this.#moveTo(frame.offset);
        break;
      case 'gap':
        if (frame.stream === INBOX) this.position = frame.to;
        else this.channels.set(frame.stream, frame.to);
        break;
      case 'publication':
        this.#movesIn(frame);
        break;
      case 'unsubscribed':
        if (!frame.retryable) for (const name of frame.channels) this.channels.delete(name);
        break;
      case 'reply':
      case 'error':
        if (frame.op === 'reply') {
          this.#moveTo(frame.offset);
          this.#subscribed(this.unsettled.get(frame.mid), frame.result as Subscribed);
        }
        this.unsettled.delete(frame.mid);
        break;
      case 'ping':
        this.#moveTo(frame.offset);
        if (this.#options.answersPings !== false) this.raw(this.#codec.encode({ op: 'pong' }));
    }
    this.#arrivals.add(frame);
  }

  #subscribed(request: RequestFrame | undefined, result: Subscribed | undefined): void {
    if (request?.op !== 'subscribe' && request?.op !== 'unsubscribe') return;
    for (const channel of request.channels ?? []) {
      const at = result?.streams[channel];
      if (request.op === 'unsubscribe') this.channels.delete(channel);
      else if (at?.epoch !== undefined && !this.channels.has(channel))
        this.channels.set(channel, { epoch: at.epoch, offset: at.offset });
    }
  }

  #movesIn({ channel, epoch, offset, retained }: PublicationFrame): void {
    const reads = this.channels.has(channel) || this.connected.streams[channel] !== undefined;
    if (retained !== true && reads) this.channels.set(channel, { epoch, offset });
  }

  #moveTo(offset: number | undefined): void {
    // Forward only: a reply that is sent again says where the inbox was when it was made.
    if (offset !== undefined && this.position !== undefined && offset > this.position.offset)
      this.position = { ...this.position, offset };
  }
}

const ofInbox = (frame: ServerFrame) =>
  (frame.op === 'message' || (frame.op === 'gap' && frame.stream === INBOX)) && frame;
const ofChannels = (frame: ServerFrame) =>
  (frame.op === 'publication' || (frame.op === 'gap' && frame.stream !== INBOX)) && frame;
const answers = (mid: number) => (frame: ServerFrame) =>
  (frame.op === 'reply' || frame.op === 'error') && frame.mid === mid && frame;

function positionIn({ streams }: ConnectedFrame): Position | undefined {
  const inbox = streams[INBOX];
  return inbox?.epoch === undefined ? undefined : { epoch: inbox.epoch, offset: inbox.offset };
}
