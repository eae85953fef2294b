import type { GatewayConnection, GatewayHost, GatewayLink } from '@callboard/core';
import { userIdOf } from '@callboard/protocol';
import type { DeviceAvailability } from './availability.ts';

/**
 * Devices behind a broker as clients, so that they are users with a status: each has a connection that carries nothing, from when it
 * says that it is there until it, or its will, says that it is not.
 */
export class StandIns {
  readonly #host: GatewayHost;
  /** Of the broker. */
  readonly #name: string;
  readonly #byDevice = new Map<string, GatewayLink>();

  constructor(host: GatewayHost, name: string) {
    this.#host = host;
    this.#name = name;
  }

  changed({ device, online, userId }: DeviceAvailability): void {
    this.#byDevice.get(device)?.closed('it says so, or its will does');
    this.#byDevice.delete(device);
    if (online && userId !== undefined) this.#come(device, userId);
  }

  end(): void {
    for (const link of this.#byDevice.values()) link.closed('the broker is left');
    this.#byDevice.clear();
  }

  #come(device: string, userId: string): void {
    const { logger } = this.#host;
    if (userIdOf(userId) === undefined) return logger.error('not a user id', { device, userId });
    const stand = new Stand();
    const link = this.#host.accept(stand, {
      transport: this.#name,
      address: this.#name,
      secure: false,
      headers: {},
      query: new URLSearchParams(),
    });
    stand.link = link;
    this.#byDevice.set(device, link);
    const accepted = { userId, claims: {}, expiresAtMs: undefined };
    link.attach(accepted, { device, resumeMs: 0, ended() {} }).catch((cause: unknown) => {
      // It is gone again.
      if (link.open) logger.error('a device has no client', { device, cause });
      link.closed('it could not come');
    });
  }
}

/** Nothing is read through it, as its client subscribes to nothing. */
class Stand implements GatewayConnection {
  link!: GatewayLink;
  readonly bufferedBytes = 0;
  readonly saturated = false;

  write(): void {}

  close(): void {
    this.link.closed('ended here');
  }

  terminate(): void {
    this.link.closed('ended here');
  }
}
