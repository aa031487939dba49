/** Where the clients of `nbd serve` connect to, and how they learn of it. */
import { formatUri, type UriAddress } from '@nbdjs/client';
import type { ByteChannel } from '@nbdjs/interfaces';
import type { Server, ThreadedServer } from '@nbdjs/server';
import { type Listener, type ListenTarget, listen, type TlsServerSettings } from '@nbdjs/transport';
import type { Terminal } from '../../terminal.ts';
import type { ServeOptions } from './command.ts';
import type { DescriptorRoom } from './descriptor-room.ts';
import { rateLimited } from './rate-limited.ts';

const defaultPort = 10_809;

/**
 * The longest queue that systems allow. A client that connects while the queue is full may appear to itself to be connected, and wait
 * for the server's greeting for ever: in NBD the server sends first, so the client never notices.
 */
const backlogDefault = 4096;

/** The options that name an address, and whom to ask for. */
type PlaceOptions = Pick<ServeOptions, 'socket' | 'bind' | 'port' | 'backlog' | 'allow' | 'deny'>;

interface ListeningParts {
  readonly server: Pick<Server | ThreadedServer, 'accept'>;
  readonly options: PlaceOptions;
  /** Sockets that a service manager has opened. They take the place of the address. */
  readonly inherited: readonly ListenTarget[];
  readonly room: DescriptorRoom | undefined;
  readonly terminal: Terminal;
}

/** Opens the listening sockets, one after the other. */
export async function* openListeners(parts: ListeningParts): AsyncGenerator<Listener> {
  const { server, options, inherited, room, terminal } = parts;
  const accept = (channel: ByteChannel): Promise<void> => server.accept(channel);
  const targets = inherited.length > 0 ? inherited : [targetOf(options)];
  const listenOptions = {
    backlog: options.backlog ?? backlogDefault,
    // The users of clients have to be found out only for rules about them.
    users: options.allow !== undefined || options.deny !== undefined,
    ...(room === undefined ? {} : { connectionsMax: Math.max(1, Math.floor(room.clients / targets.length)) }),
    onFull: rateLimited((canWait: boolean) => terminal.note(fullLine(room?.limit ?? 0, canWait))),
  };
  for (const target of targets) yield await listen(target, accept, listenOptions);
}

function targetOf({ socket, bind = '127.0.0.1', port = defaultPort }: PlaceOptions): ListenTarget {
  if (socket !== undefined) return { type: 'unix', path: socket };
  return { type: 'tcp', host: bind === '*' ? undefined : bind, port };
}

function fullLine(limit: number, canWait: boolean): string {
  const then = canWait ? 'further clients wait until others leave' : 'further clients may be refused';
  return `nbd: as many clients are connected as ulimit -n (${limit}) has room for: ${then}`;
}

/** Prints that the server listens, and where. */
export async function announce(
  listeners: readonly Listener[],
  names: readonly string[],
  options: Pick<ServeOptions, 'printUri' | 'quiet'>,
  tls: TlsServerSettings | undefined,
  terminal: Terminal,
): Promise<void> {
  const [exportName = ''] = names;
  for (const { address } of listeners) {
    // The address of an inherited socket is known to the program that opened it, so it is not printed.
    if (address.type === 'descriptor') continue;
    const tlsRequired = tls !== undefined && tls.mode !== 'allow';
    const uri = formatUri({ tlsRequired, tls: {}, extensions: {}, address: uriAddress(address), exportName });
    if (options.printUri === true) await terminal.print(`${uri}\n`);
    else if (options.quiet !== true) {
      terminal.note(`nbd: serving ${names.length === 1 ? uri : `${names.length} exports, the first at ${uri}`}`);
    }
  }
}

function uriAddress(address: Exclude<Listener['address'], { type: 'descriptor' }>): UriAddress {
  if (address.type === 'unix') return { transport: 'unix', path: address.path };
  return { transport: 'tcp', host: reachableHost(address.host), port: address.port };
}

/** Clients cannot connect to the address that means all addresses, so another one is shown. */
function reachableHost(host: string): string {
  return host === '::' || host === '0.0.0.0' ? 'localhost' : host;
}
