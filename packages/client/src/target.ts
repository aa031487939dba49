/** What a user may name as the place to connect to, and what it means. */
import { UsageError } from '@nbdjs/interfaces';
import { formatUri, looksLikeUri, type NbdUri, parseUri, type UriTls } from '@nbdjs/protocol';
import type { Endpoint } from '@nbdjs/transport';

/** A program that speaks NBD, to be started and connected to. */
export interface CommandTarget {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** How it gets its connection. @default 'socket-activation' */
  readonly mode?: 'socket-activation' | 'socket-pair' | undefined;
}

/** A connected socket that this process has inherited. */
export interface DescriptorTarget {
  readonly descriptor: number;
}

/** An NBD URI as text or taken apart, a command, or a descriptor. */
export type ConnectTarget = string | NbdUri | CommandTarget | DescriptorTarget;

/** A target with everything looked up that its form leaves open. */
export interface ResolvedTarget {
  readonly endpoint: Endpoint;
  readonly exportName: string;
  readonly tlsRequired: boolean;
  /** What a URI says about TLS besides. */
  readonly tls: UriTls;
  /** For messages: a URI, or the command. */
  readonly name: string;
}

/** @throws UsageError `ERR_NBD_URI` or `ERR_NBD_ARGUMENT`, naming what is wrong. */
export function resolveTarget(target: ConnectTarget): ResolvedTarget {
  if (typeof target === 'string') {
    if (looksLikeUri(target)) return resolveUri(parseUri(target), target);
    throw new UsageError(
      'ERR_NBD_URI',
      `not an NBD URI: '${target}' (expected nbd://host/export or nbd+unix:///export?socket=PATH)`,
    );
  }
  if ('command' in target) {
    const [program] = target.command;
    if (program === undefined || program === '')
      throw new UsageError('ERR_NBD_ARGUMENT', 'the command to run is empty');
    return {
      endpoint: { type: 'command', command: target.command, mode: target.mode ?? 'socket-activation' },
      exportName: '',
      tlsRequired: false,
      tls: {},
      name: `[ ${target.command.join(' ')} ]`,
    };
  }
  if ('descriptor' in target) {
    return {
      endpoint: { type: 'descriptor', fd: target.descriptor },
      exportName: '',
      tlsRequired: false,
      tls: {},
      name: `descriptor ${target.descriptor}`,
    };
  }
  return resolveUri(target, formatUri(target));
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
