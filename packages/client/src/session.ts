import {
  type ConnectedFrame,
  INBOX,
  type Position,
  type Resume,
  type StreamState,
} from '@callboard/protocol';
import type { Channels } from './channels.ts';

/** What a client comes back to; in memory alone, as two copies of a client must not share one. */
export class Session {
  #secret: string | undefined;
  #position: Position | undefined;
  #maxFrameBytes = 0;
  /** Where recovery ends; undefined where nothing is recovered. */
  #head: Position | undefined;
  /** Counts sessions: what was sent in another one cannot be asked for again. */
  generation = 0;
  clientId: string | undefined;

  /** For `connect`; undefined where there is nothing to come back to. `mid`: the highest that was sent. */
  resume(mid: number, channels?: Channels): Resume | undefined {
    if (this.#secret === undefined) return undefined;
    const positions: Record<string, Position> = {};
    if (this.#position !== undefined) positions[INBOX] = this.#position;
    // A frame that is too large would cost the connection; there is a token in it, too.
    channels?.addPositions(positions, this.#maxFrameBytes / 2);
    return { session: this.#secret, positions, ...(mid > 0 && { mid }) };
  }

  /** PROTOCOL.md, "Positions": one that goes on stays where it was, as what it missed moves it on. */
  welcome({ session, resumed, clientId, streams, limits }: ConnectedFrame): void {
    this.#maxFrameBytes = limits.maxFrameBytes;
    this.#secret = session;
    this.clientId = clientId;
    const head = positionIn(streams[INBOX]);
    this.#head = resumed ? head : undefined;
    if (!resumed || this.generation === 0) this.generation++;
    if (!resumed || this.#position === undefined) this.#position = head;
  }

  /** Whether a message has not been seen before; then it counts as seen. */
  takes(offset: number): boolean {
    if (this.#position !== undefined && offset <= this.#position.offset) return false;
    this.moveTo(offset);
    return true;
  }

  /** Whether what is at this offset was sent while the client was away. */
  recovered(offset: number): boolean {
    return (
      this.#head !== undefined && this.#head.epoch === this.#position?.epoch && offset <= this.#head.offset
    );
  }

  /** All that is for this client up to here has come. */
  moveTo(offset: number): void {
    if (this.#position !== undefined && offset > this.#position.offset)
      this.#position = { epoch: this.#position.epoch, offset };
  }

  /** The stream goes on elsewhere. */
  skipTo(position: Position): void {
    this.#position = position;
  }

  forget(): void {
    this.#secret = undefined;
    this.#position = undefined;
  }
}

function positionIn(at: StreamState | undefined): Position | undefined {
  return at?.epoch === undefined ? undefined : { epoch: at.epoch, offset: at.offset };
}
