/** Who is in which channel, as one writes it by hand: users with the sockets by which they are there. */
export class Rosters {
  readonly #byChannel = new Map<string, Map<string, Set<string>>>();

  /** Whether the user was not there before. */
  enter(channel: string, userId: string, socketId: string): boolean {
    const roster = this.#byChannel.get(channel) ?? new Map<string, Set<string>>();
    this.#byChannel.set(channel, roster);
    const sockets = roster.get(userId);
    if (sockets === undefined) roster.set(userId, new Set([socketId]));
    else sockets.add(socketId);
    return sockets === undefined;
  }

  /** Whether the user is not there any more. */
  leave(channel: string, userId: string, socketId: string): boolean {
    const roster = this.#byChannel.get(channel);
    const sockets = roster?.get(userId);
    if (!sockets?.delete(socketId) || sockets.size > 0) return false;
    roster?.delete(userId);
    return true;
  }

  list(channel: string): readonly { userId: string; clients: readonly string[] }[] {
    return [...(this.#byChannel.get(channel) ?? [])].map(([userId, clients]) => ({
      userId,
      clients: [...clients],
    }));
  }

  get channels(): Iterable<string> {
    return this.#byChannel.keys();
  }
}
