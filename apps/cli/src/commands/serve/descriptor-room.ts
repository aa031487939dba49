/** How many clients the limit of open files leaves room for (`ulimit -n`). */
import { readdirSync, readFileSync } from 'node:fs';
import { argumentError } from '../../errors/argument-error.ts';

/** Descriptors kept for files that are opened from time to time: certificates, an upstream's next connection, a socket that waits. */
const reserve = 24;

/** Of the clients that there is room for, this many may be in the handshake, or wait for a place without getting one. */
const withoutPlaceMax = 32;

export interface DescriptorRoom {
  /** The limit. */
  readonly limit: number;
  /** Clients that there is room for, besides what is open now. */
  readonly clients: number;
  /** Those of them that can use an export. */
  readonly places: number;
}

/** Returns a warning when more clients may come than there is room for. `shared`: 0 for any number. */
export function roomWarning({ limit, places }: DescriptorRoom, shared: number): string | undefined {
  if (shared <= places) return undefined;
  return `ulimit -n is ${limit}, which leaves room for ${places} clients at a time, and --shared is ${shared}: raise the one or lower the other`;
}

/**
 * Counts what is open now. `toCome`: descriptors that will be opened, too. Returns `undefined` where the system does not tell, or sets no limit.
 *
 * @throws UsageError when there is no room for a single client.
 */
export function descriptorRoom(toCome = 0): DescriptorRoom | undefined {
  const found = readSystem();
  if (found === undefined) return undefined;
  const clients = found.limit - found.openCount - toCome - reserve;
  if (clients >= 1) {
    const places = Math.max(1, clients - Math.min(withoutPlaceMax, Math.ceil(clients / 4)));
    return { limit: found.limit, clients, places };
  }
  const message = `${found.openCount} of ${found.limit} files are open, which leaves no room for clients: raise ulimit -n`;
  throw argumentError(message);
}

function readSystem(): { readonly limit: number; readonly openCount: number } | undefined {
  try {
    // Node has raised the soft limit to the hard one at its start.
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? undefined : { limit: Number(limit), openCount: readdirSync('/proc/self/fd').length };
  } catch {
    return undefined;
  }
}
