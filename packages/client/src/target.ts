/** The forms in which a server can be named, and what they mean. */
import { type ChannelOpener, UsageError } from '@nbdjs/interfaces';
import { checkOptions, describeValue, type OptionChecks, optionChecks } from '@nbdjs/kit';
import { formatUri, looksLikeUri, type NbdUri, parseUri, type UriTls } from '@nbdjs/protocol';
import type { Endpoint } from '@nbdjs/transport';
import type { OpenerTarget } from './core/connect.ts';

/** A server over TCP. */
export interface TcpTarget {
  /** A name, or an IPv4 or IPv6 address without brackets. */
  readonly host: string;
  /** 1 to 65535. @default 10809 */
  readonly port?: number | undefined;
  /** The export to open. @default the server's default export */
  readonly exportName?: string | undefined;
}

/** A server on a Unix socket. */
export interface UnixTarget {
  /** The path of the socket, of 107 bytes at most. A leading NUL means a name in Linux's abstract namespace. */
  readonly path: string;
  /** The export to open. @default the server's default export */
  readonly exportName?: string | undefined;
}

/** A server that is a program, to be started and connected to. */
export interface CommandTarget {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** How the program gets its connection. @default 'socket-activation' */
  readonly mode?: 'socket-activation' | 'socket-pair' | undefined;
  /** Added to the environment of this process, which the program inherits; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder that the program starts in. @default that of this process */
  readonly cwd?: string | undefined;
  /**
   * `capture`: the last of what the program writes to its standard error is a part of the error's message when it ends. `inherit`: the
   * program writes to the standard error of this process.
   *
   * @default 'capture'
   */
  readonly stderr?: 'capture' | 'inherit' | undefined;
  /**
   * Gives the program a process group of its own, so that the programs which it starts are ended with it. It cannot ask at the terminal
   * then.
   *
   * @default false
   */
  readonly processGroup?: boolean | undefined;
  /** The export to open. @default the server's default export */
  readonly exportName?: string | undefined;
}

/** A connected socket that this process has inherited. */
export interface DescriptorTarget {
  /** The number of the descriptor, which belongs to the client and is closed with it. */
  readonly descriptor: number;
}

/** An NBD URI as text, as a `URL` or taken apart, a host or a socket, a command, a descriptor, or an opener of channels. */
export type ConnectTarget =
  | string
  | URL
  | NbdUri
  | TcpTarget
  | UnixTarget
  | CommandTarget
  | DescriptorTarget
  | OpenerTarget;

/** A target with everything filled in that its form leaves open. */
export interface ResolvedTarget {
  /** Where to connect to, or what opens channels to it. */
  readonly endpoint: Endpoint | ChannelOpener;
  /** The export to open; empty for the server's default export. */
  readonly exportName: string;
  /** Whether the target itself demands TLS, as the `nbds` schemes do. Options may demand it nevertheless; see `resolveTls`. */
  readonly tlsRequired: boolean;
  /** Details about TLS in a URI. */
  readonly tls: UriTls;
  /** For messages: a URI, the command, or the opener's name. */
  readonly name: string;
}

const { boolean, callback, object, oneOf, text, wholeFrom } = optionChecks;

/** What `connect` takes: one target, or several servers that have the same export, in the order in which they are tried. */
export type ConnectTargets = ConnectTarget | readonly ConnectTarget[];

const portDefault = 10_809;
const filled = {
  expected: 'a string that is not empty',
  holds: (value: unknown) => typeof value === 'string' && value !== '',
};
const port = {
  expected: 'a port from 1 to 65535',
  holds: (value: unknown) => wholeFrom(1).holds(value) && Number(value) < 65_536,
};
const program = {
  expected: 'an array of a program and its arguments',
  holds: (value: unknown) =>
    Array.isArray(value) && value.every((word) => typeof word === 'string') && value.length > 0 && value[0] !== '',
};

const address = {
  expected: "an address with its transport: 'tcp', 'unix' or 'vsock'",
  holds: (value: unknown) => object.holds(value) && isAddress(value as Readonly<Record<string, unknown>>),
};

const ofTcp: OptionChecks<TcpTarget> = { host: filled, port, exportName: text };
const ofUnix: OptionChecks<UnixTarget> = { path: filled, exportName: text };
const environment = {
  expected: 'an object of strings, with undefined for variables to be removed',
  holds: (value: unknown) =>
    object.holds(value) && Object.values(value as object).every((one) => one === undefined || typeof one === 'string'),
};
const ofCommand: OptionChecks<CommandTarget> = {
  command: program,
  mode: oneOf('socket-activation', 'socket-pair'),
  env: environment,
  cwd: filled,
  stderr: oneOf('capture', 'inherit'),
  processGroup: boolean,
  exportName: text,
};
const ofDescriptor: OptionChecks<DescriptorTarget> = { descriptor: wholeFrom(0) };
const ofOpener: OptionChecks<OpenerTarget> = { open: callback, name: text, exportName: text };
const ofUri: OptionChecks<NbdUri> = {
  address,
  exportName: text,
  extensions: object,
  tls: object,
  tlsRequired: boolean,
};

/**
 * The same as `resolveTarget` for one target or several.
 *
 * @throws UsageError also for an empty array.
 */
export function resolveTargets(targets: ConnectTargets): readonly [ResolvedTarget, ...ResolvedTarget[]] {
  if (!isList(targets)) return [resolveTarget(targets)];
  const [first, ...others] = targets.map(resolveTarget);
  if (first !== undefined) return [first, ...others];
  throw new UsageError('ERR_NBD_ARGUMENT', 'the target is an empty array, expected one target or several');
}

function isList(targets: ConnectTargets): targets is readonly ConnectTarget[] {
  return Array.isArray(targets);
}

/**
 * Checks a target and fills in what its form leaves open. Connects to nothing, and looks up no name.
 *
 * @throws UsageError `ERR_NBD_URI` or `ERR_NBD_ARGUMENT`, naming what is wrong.
 */
export function resolveTarget(target: ConnectTarget): ResolvedTarget {
  if (typeof target === 'string') return resolveText(target);
  if (target instanceof URL) return resolveText(target.href);
  if (typeof target !== 'object' || target === null) throw noTarget(target);
  if (has(target, 'host')) {
    check(target, ofTcp, 'host');
    return resolveAddress({ transport: 'tcp', host: target.host, port: target.port ?? portDefault }, target.exportName);
  }
  if (has(target, 'path')) {
    check(target, ofUnix, 'path');
    return resolveAddress({ transport: 'unix', path: target.path }, target.exportName);
  }
  if (has(target, 'command')) {
    check(target, ofCommand, 'command');
    const { mode = 'socket-activation', exportName = '', ...how } = target;
    const name = `[ ${how.command.join(' ')} ]`;
    return { ...plain, endpoint: { type: 'command', mode, ...how }, exportName, name };
  }
  if (has(target, 'descriptor')) {
    check(target, ofDescriptor, 'descriptor');
    const { descriptor: fd } = target;
    return { ...plain, endpoint: { type: 'descriptor', fd }, name: `descriptor ${fd}` };
  }
  if (has(target, 'open')) return resolveOpener(target);
  if (!has(target, 'address')) throw noTarget(target);
  check(target, ofUri, ...(Object.keys(ofUri) as (keyof NbdUri)[]));
  return resolveUri(target, formatUri(target));
}

function resolveOpener(target: OpenerTarget): ResolvedTarget {
  if ('send' in target) {
    const message = 'the target is a ByteChannel, expected { open: () => channel }, which opens one for each attempt';
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  // An opener may be of a class that has more members, so only those that mean something here are looked at.
  const { name, exportName } = target;
  check({ open: target.open, name, exportName }, ofOpener, 'open');
  return { ...plain, endpoint: target, exportName: exportName ?? '', name: name ?? 'NBD' };
}

function isAddress({ transport, host, path, cid, port: number }: Readonly<Record<string, unknown>>): boolean {
  if (transport === 'unix') return filled.holds(path);
  if (transport === 'tcp') return filled.holds(host) && port.holds(number);
  return transport === 'vsock' && wholeFrom(0).holds(cid) && wholeFrom(0).holds(number);
}

const plain = { exportName: '', tlsRequired: false, tls: {} };

function has<Name extends string>(target: object, name: Name): target is Extract<ConnectTarget, Record<Name, unknown>> {
  return name in target;
}

/** Checks the members of a target. Those that are `required` may not be `undefined`, unlike options. */
function check<T extends object>(target: T, checks: OptionChecks<T>, ...required: readonly (keyof T & string)[]): void {
  checkOptions('the target', target, checks as Parameters<typeof checkOptions>[2]);
  const missing = required.find((name) => target[name] === undefined);
  if (missing === undefined) return;
  throw new UsageError('ERR_NBD_ARGUMENT', `the target: ${missing} is missing, expected ${checks[missing].expected}`);
}

function noTarget(target: unknown): UsageError {
  const forms = 'an NBD URI, { host, port, exportName }, { path, exportName }, { command }, { descriptor } or { open }';
  return new UsageError('ERR_NBD_ARGUMENT', `the target is ${describeValue(target)}, expected ${forms}`);
}

function resolveText(target: string): ResolvedTarget {
  if (looksLikeUri(target)) return resolveUri(parseUri(target), target);
  throw new UsageError(
    'ERR_NBD_URI',
    `not an NBD URI: '${target}' (expected nbd://host/export or nbd+unix:///export?socket=PATH)`,
  );
}

function resolveAddress(address: NbdUri['address'], exportName = ''): ResolvedTarget {
  const uri = { ...plain, address, exportName, extensions: {} };
  return resolveUri(uri, formatUri(uri));
}

function resolveUri(uri: NbdUri, name: string): ResolvedTarget {
  const { exportName, tlsRequired, tls } = uri;
  return { endpoint: endpointOf(uri), exportName, tlsRequired, tls, name };
}

function endpointOf({ address }: NbdUri): Endpoint {
  switch (address.transport) {
    case 'tcp':
      return { type: 'tcp', host: address.host, port: address.port };
    case 'unix':
      return { type: 'unix', path: address.path };
    case 'vsock':
      return { type: 'vsock', cid: address.cid, port: address.port };
  }
}
