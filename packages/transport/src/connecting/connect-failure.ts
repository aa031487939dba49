/** Errors of attempts to connect, in one line for people. */
import { isIPv6 } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import {
  ConnectError,
  type ConnectErrorCode,
  type NbdError,
  type PeerDescription,
  TimeoutError,
} from '@nbdjs/interfaces';
import type { AddressOutcome } from './address-race.ts';

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  ENOENT: 'there is no such socket',
  ENOTDIR: 'there is no such socket',
  EACCES: 'permission denied',
  EPROTOTYPE: 'it is not a stream socket',
  EADDRNOTAVAIL: 'this address cannot be reached from here',
  EAFNOSUPPORT: 'this system has no addresses of this family',
};

const codes: Readonly<Record<string, ConnectErrorCode>> = {
  ENOTFOUND: 'ERR_NBD_HOST_NOT_FOUND',
  EAI_AGAIN: 'ERR_NBD_HOST_NOT_FOUND',
  ECONNREFUSED: 'ERR_NBD_REFUSED',
};

/** Makes the error for a single address that could not be connected to. */
export function connectFailure(error: Error, peer: PeerDescription): ConnectError {
  const code = codes[codeOf(error)] ?? 'ERR_NBD_CONNECT';
  return new ConnectError(code, `cannot connect to ${peer.name}: ${reasonOf(error)}`, { cause: error });
}

/** Makes the error for an attempt that took too long. */
export function connectTimeout(peer: PeerDescription, reason: string): TimeoutError {
  return new TimeoutError('connect', `cannot connect to ${peer.name}: ${reason}`);
}

/** Makes the error for several addresses of which none could be connected to, each with its own reason. */
export function addressesFailure(
  outcomes: readonly AddressOutcome<string>[],
  peer: PeerDescription,
  timeoutMs: number,
): NbdError {
  const told = outcomes.map(({ address, error }) => ({
    address,
    reason: error === undefined ? `no answer within ${timeoutMs} ms` : reasonOf(error, address),
  }));
  const [first] = told;
  const isAlike = told.every(({ reason }) => reason === first?.reason);
  const tried = told.length > 1 ? ` (tried ${told.map(({ address }) => address).join(', ')})` : '';
  const reason = isAlike
    ? `${first?.reason ?? `no answer within ${timeoutMs} ms`}${tried}`
    : told.map(({ address, reason: own }) => `${address}: ${own}`).join('; ');
  const errors = outcomes.flatMap(({ error }) => error ?? []);
  if (errors.length < outcomes.length || outcomes.length === 0) return connectTimeout(peer, reason);
  // A refusal has the most information: the host exists.
  const telling = errors.find((error) => codeOf(error) === 'ECONNREFUSED') ?? (errors[0] as Error);
  const cause = errors.length > 1 ? new AggregateError(errors) : telling;
  return new ConnectError(codes[codeOf(telling)] ?? 'ERR_NBD_CONNECT', `cannot connect to ${peer.name}: ${reason}`, {
    cause,
  });
}

function reasonOf(error: Error, address = ''): string {
  const code = codeOf(error);
  if (code === 'EINVAL' && /^fe[89ab][0-9a-f]:[^%]*$/i.test(address)) {
    return `an address of a link needs the name of the interface, as in ${address}%eth0`;
  }
  if (code === 'EAFNOSUPPORT' && isIPv6(address)) return 'this system has no IPv6';
  if (words[code] !== undefined) return words[code];
  // Node puts an address of ours after the system's words, known or not.
  const { errno } = error as NodeJS.ErrnoException;
  const [, text] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? [];
  return text ?? error.message;
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}
