/** Where the clients of `nbd serve` come to, and how they are told. */
import { UsageError } from '@nbdjs/interfaces';
import { formatUri, type UriAddress } from '@nbdjs/protocol';
import type { Listener, ListenTarget } from '@nbdjs/transport';
import type { Terminal } from '../terminal.ts';
import type { ServeOptions } from './serve-options.ts';

/** The first descriptor that systemd hands over. */
const firstInherited = 3;
const defaultPort = 10_809;

/** Sockets that a service manager has opened for us (sd_listen_fds(3)). */
export function inheritedDescriptors(): readonly number[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== process.pid) return [];
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new UsageError('ERR_NBD_ARGUMENT', `LISTEN_FDS is '${LISTEN_FDS}', expected a number of descriptors`);
  }
  // They are for us, and not for what we may start.
  delete process.env.LISTEN_PID;
  delete process.env.LISTEN_FDS;
  return Array.from({ length: count }, (_, index) => firstInherited + index);
}

export function targets(options: ServeOptions, inherited: readonly number[]): readonly ListenTarget[] {
  if (inherited.length > 0) return inherited.map((fd) => ({ type: 'descriptor', fd }));
  if (options.socket !== undefined) return [{ type: 'unix', path: options.socket }];
  const { bind = '127.0.0.1', port = defaultPort } = options;
  return [{ type: 'tcp', host: bind === '*' ? undefined : bind, port }];
}

/** Tells that clients may come, and where to. */
export async function announce(
  listeners: readonly Listener[],
  names: readonly string[],
  options: ServeOptions,
  terminal: Terminal,
): Promise<void> {
  const [name = ''] = names;
  for (const { address } of listeners) {
    // Whoever has opened the socket knows where it is.
    if (address.type === 'descriptor') continue;
    const tlsRequired = options.tls !== undefined && options.tls.mode !== 'allow';
    const uri = formatUri({ tlsRequired, tls: {}, extensions: {}, address: uriAddress(address), exportName: name });
    if (options.printUri) await terminal.print(`${uri}\n`);
    else if (!options.quiet)
      terminal.note(`nbd: serving ${names.length === 1 ? uri : `${names.length} exports, the first at ${uri}`}`);
  }
}

function uriAddress(address: Exclude<Listener['address'], { type: 'descriptor' }>): UriAddress {
  if (address.type === 'unix') return { transport: 'unix', path: address.path };
  return { transport: 'tcp', host: reachable(address.host), port: address.port };
}

/** An address that stands for all addresses is none to connect to. */
function reachable(host: string): string {
  return host === '::' || host === '0.0.0.0' ? 'localhost' : host;
}
