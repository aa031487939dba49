/** `nbd serve`: exports files, memory and other servers, as qemu-nbd and nbdkit do. */
import { existsSync, fstatSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type BlockDevice, type ByteChannel, UsageError } from '@nbdjs/interfaces';
import { formatUri, type UriAddress } from '@nbdjs/protocol';
import { createServer, type Export, type Server, type TlsServerSettings } from '@nbdjs/server';
import {
  createAllocationDepthLayer,
  createMemoryDevice,
  createOverlayLayer,
  createSliceLayer,
  openFileDevice,
} from '@nbdjs/storage';
import { adoptDescriptor, adoptStdio, type Listener, type ListenTarget, listen } from '@nbdjs/transport';
import { accessEntry } from '../arguments/access.ts';
import type { Operand } from '../arguments/operands.ts';
import { parseSize } from '../arguments/size.ts';
import { oneLine } from '../failure.ts';
import { openServer } from '../open.ts';
import type { Terminal } from '../terminal.ts';
import { refusalTrace } from './refusals.ts';

export interface ServeOptions {
  readonly socket: string | undefined;
  readonly bind: string | undefined;
  readonly port: number | undefined;
  readonly exportName: string | undefined;
  readonly description: string | undefined;
  readonly readOnly: boolean;
  /** Clients at a time; 0 for any number, and nothing for the server's own limit. */
  readonly shared: number | undefined;
  /** Go on after the last client has left. */
  readonly persistent: boolean;
  /** Seconds; 0 for no limit. */
  readonly handshakeLimit: number | undefined;
  /** Who may come, and who may not: entries as in `parseAccess`. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** 0 for any number, and nothing for the server's own limit. */
  readonly connectionsPerAddress: number | undefined;
  /** Seconds; 0 for no limit. */
  readonly idleTimeout: number | undefined;
  readonly offset: bigint | undefined;
  /** Tell which layer stores what, as qemu-nbd does. */
  readonly allocationDepth: boolean;
  /** Writes go to memory and are forgotten at the end. */
  readonly snapshot: boolean;
  readonly pidFile: string | undefined;
  readonly printUri: boolean;
  /** Greet as servers did before there were options. */
  readonly oldstyle: boolean;
  /** One client, on standard input and output. */
  readonly stdio: boolean;
  readonly tls: TlsServerSettings | undefined;
  /** Tell of all clients that are turned away. */
  readonly verbose: boolean;
}

/** The first descriptor that systemd hands over. */
const firstInherited = 3;
/** What is no file, but memory of the size that follows. */
const memoryPrefix = 'memory:';
const defaultPort = 10_809;
/** Clients that are still there when we are told to stop have so long to go. */
const closeMs = 2000;
/** Connections that the system keeps for us. */
const backlogMax = 511;

/** Serves until it is told to stop, or until the last client has left. */
export async function serve(
  words: readonly string[],
  parse: (word: string) => Operand,
  options: ServeOptions,
  terminal: Terminal,
): Promise<number> {
  const inherited = inheritedDescriptors();
  refuseConflicts(options, inherited);
  const devices: BlockDevice[] = [];
  const listeners: Listener[] = [];
  let server: Server | undefined;
  let ignoreHangups = (): void => {};
  try {
    const exports: Record<string, Export> = {};
    for (const word of words) {
      const { name, operand } = namedSource(word, parse, words.length, options);
      if (name in exports) throw new UsageError('ERR_NBD_ARGUMENT', `there are two exports named '${name}'`);
      const device = await openSource(operand, options, terminal);
      devices.push(device);
      exports[name] = { device, description: options.description, readOnly: options.readOnly };
    }
    let stop: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const running = createServer({
      exports,
      access: { allow: options.allow.map(accessEntry), deny: options.deny.map(accessEntry) },
      limits: {
        closeMs,
        connectionsMax: options.shared,
        connectionsPerAddressMax: options.connectionsPerAddress,
        handshakeMs: inMs(options.handshakeLimit),
        idleMs: inMs(options.idleTimeout),
      },
      tls: options.tls,
      style: options.oldstyle ? 'oldstyle' : 'newstyle',
      trace: refusalTrace(terminal, options.verbose),
      onSessionEnd: ({ isNegotiated }) => {
        if (!options.persistent && isNegotiated && running.sessions.length === 0) stop();
      },
    });
    server = running;
    terminal.signal.addEventListener('abort', () => stop(), { once: true });
    if (options.tls !== undefined) ignoreHangups = terminal.onHangup(() => reloadTls(running, terminal));
    if (options.stdio) {
      await Promise.race([running.accept(standardChannel()), stopped]);
      return 0;
    }
    // Who the clients are has to be found out only where it matters.
    const users = options.allow.length > 0 || options.deny.length > 0;
    const accept = (channel: ByteChannel): void => void running.accept(channel);
    for (const target of targets(options, inherited)) {
      listeners.push(
        await listen(target, accept, { backlog: Math.min(backlogMax, options.shared || backlogMax), users }),
      );
    }
    if (options.pidFile !== undefined) writeFileSync(options.pidFile, `${process.pid}\n`);
    await announce(listeners, Object.keys(exports), options, terminal);
    if (!terminal.signal.aborted) await stopped;
    return 0;
  } finally {
    ignoreHangups();
    for (const listener of listeners) await listener.close();
    await server?.close();
    for (const device of devices) await device.close();
    if (options.pidFile !== undefined) rmSync(options.pidFile, { force: true });
  }
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : 1000 * seconds;
}

/** Certificates expire, and are replaced while clients are connected. */
function reloadTls(server: Server, terminal: Terminal): void {
  try {
    server.reloadTls();
    terminal.note('nbd: SIGHUP: certificates and keys were read again, for clients that come from now on');
  } catch (error) {
    terminal.note(`nbd: SIGHUP: ${oneLine(error)}; the certificates and keys stay as they were`);
  }
}

function refuseConflicts(options: ServeOptions, inherited: readonly number[]): void {
  const hasAddress = options.bind !== undefined || options.port !== undefined;
  const refuse = (one: string, other: string): never => {
    throw new UsageError('ERR_NBD_ARGUMENT', `${one} and ${other} exclude each other`);
  };
  if (options.socket !== undefined && hasAddress) refuse('--socket', '--bind or --port');
  if (options.stdio && (options.socket !== undefined || hasAddress)) refuse('--stdio', '--socket, --bind or --port');
  if (inherited.length === 0) return;
  if (options.socket !== undefined || hasAddress) refuse('socket activation', '--socket, --bind or --port');
  if (options.stdio) refuse('socket activation', '--stdio');
}

/** Sockets that a service manager has opened for us (sd_listen_fds(3)). */
function inheritedDescriptors(): readonly number[] {
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

function targets(options: ServeOptions, inherited: readonly number[]): readonly ListenTarget[] {
  if (inherited.length > 0) return inherited.map((fd) => ({ type: 'descriptor', fd }));
  if (options.socket !== undefined) return [{ type: 'unix', path: options.socket }];
  const { bind = '127.0.0.1', port = defaultPort } = options;
  return [{ type: 'tcp', host: bind === '*' ? undefined : bind, port }];
}

/** `NAME=SOURCE`, or a source alone, which is the default export when it is the only one. */
function namedSource(
  word: string,
  parse: (word: string) => Operand,
  count: number,
  { exportName }: ServeOptions,
): { readonly name: string; readonly operand: Operand } {
  const match = /^([^=]*)=(.+)$/s.exec(word);
  const isName = match !== null && !existsSync(word) && !match[1]?.includes('://');
  const operand = parse(isName ? (match[2] ?? '') : word);
  if (isName) return { name: match[1] ?? '', operand };
  if (count === 1) return { name: exportName ?? '', operand };
  if (operand.type !== 'file' || operand.path.startsWith(memoryPrefix)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `among several exports each needs a name: write NAME=${word}`);
  }
  return { name: basename(operand.path), operand };
}

async function openSource(operand: Operand, options: ServeOptions, terminal: Terminal): Promise<BlockDevice> {
  const readOnly = options.readOnly || options.snapshot;
  const device = await openOperand(operand, readOnly, terminal);
  const sliced = options.offset === undefined ? device : createSliceLayer(device, { offset: options.offset });
  const { allocationDepth } = options;
  const top = options.snapshot ? createOverlayLayer(sliced, { allocationDepth }) : sliced;
  return allocationDepth ? createAllocationDepthLayer(top) : top;
}

async function openOperand(operand: Operand, readOnly: boolean, terminal: Terminal): Promise<BlockDevice> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return openServer(operand, { signal: terminal.signal });
    case 'file': {
      const { path } = operand;
      if (path.startsWith(memoryPrefix)) {
        return createMemoryDevice({ size: parseSize(path.slice(memoryPrefix.length), 'memory'), readOnly });
      }
      return openFileDevice(path, { readOnly });
    }
    case 'null':
    case 'stdio':
      throw new UsageError('ERR_NBD_ARGUMENT', `'${operand.type === 'null' ? 'null:' : '-'}' cannot be served`);
  }
}

/** One socket on descriptor 0, or two pipes. */
function standardChannel(): ByteChannel {
  return fstatSync(0).isSocket() ? adoptDescriptor(0) : adoptStdio();
}

/** Tells that clients may come, and where to. */
async function announce(
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
    else terminal.note(`nbd: serving ${names.length === 1 ? uri : `${names.length} exports, the first at ${uri}`}`);
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
