/** The server whose clients are the kernel's connections to one device. */
import type { BlockDevice, Trace } from '@nbdjs/interfaces';
import { createServer, type Server, type ServerEvents } from '@nbdjs/server';

/** What the kernel may do with a device. */
export interface SessionSettings {
  readonly readOnly: boolean;
  readonly trace: Trace<ServerEvents> | undefined;
}

/**
 * The kernel is no client that has to be watched. While a device waits for its server, requests of one connection hold memory that another
 * one waits for, and nobody makes progress, for as long as it takes.
 */
const noWatch = {
  stallMs: 0,
  sendStallMs: 0,
  pressureMs: 0,
  placeMs: 0,
  idleMs: 0,
  waitMs: 0,
  connectionsMax: 0,
} as const;

/**
 * Makes the server. It says all about the device at once and asks nothing (the oldstyle handshake), because the kernel takes no part in a
 * handshake; from then on it gets the simple replies that the kernel understands.
 */
export function createSessionServer(device: BlockDevice, { readOnly, trace }: SessionSettings): Server {
  return createServer({
    exports: { '': { device, readOnly: readOnly || device.abilities.readOnly, multiConn: true } },
    style: 'oldstyle',
    limits: noWatch,
    ...(trace === undefined ? {} : { trace }),
  });
}
