/** Connecting to a TCP port or a Unix socket. */
import type { LookupAddress } from 'node:dns';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { type ByteChannel, ConnectError, limits, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import type { SocketChannel } from '../channels/socket-channel.ts';
import { announceConnect, announced } from '../diagnostics.ts';
import { dns } from '../late-modules.ts';
import { requireUnixPath } from '../unix-path.ts';
import { RaceLost, raceAddresses } from './address-race.ts';
import { attemptConnect } from './connect-attempt.ts';
import { addressesFailure, codeOf, connectFailure, connectTimeout } from './connect-failure.ts';

/** What bounds an attempt to connect, and how the channel describes its peer. */
export interface ConnectOptions {
  /** Ends the attempt, which then rejects with the signal's reason. A channel that is connected already is left alone. */
  readonly signal?: AbortSignal | undefined;
  /** Until the transport is connected, in milliseconds. @default 30000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How the channel describes its peer. @default its address */
  readonly peer?: PeerDescription | undefined;
}

/** A TCP port of a host. */
export interface TcpAddress {
  /** A name or an address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Only addresses of this family. @default both */
  readonly family?: 4 | 6 | undefined;
}

/** A host's next address joins in when the one before has not answered for this long, in milliseconds (RFC 8305, section 8). */
const nextAddressMs = 250;

/** A server with a full queue is tried again after this long, then after twice as long and so on, in milliseconds. */
const fullQueueMs = { first: 10, longest: 200 };

/**
 * Connects by TCP. The host's addresses of both families are raced: the next one joins in when one is slow, and none is given up
 * before the time limit (RFC 8305). The system asks a silent peer whether it is still there (TCP keep-alive).
 *
 * @throws UsageError for an impossible address, ConnectError, TimeoutError, or the signal's reason.
 */
export async function connectTcp(address: TcpAddress, options: ConnectOptions = {}): Promise<ByteChannel> {
  const { host, port, family = 0 } = address;
  if (host === '') throw new UsageError('ERR_NBD_ARGUMENT', 'the host to connect to is empty');
  if (/[\p{Cc}\s]/u.test(host)) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `the host to connect to, ${JSON.stringify(host)}, is neither a name nor an address`,
    );
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError('ERR_NBD_ARGUMENT', `the port to connect to must be 1 to 65535, got ${port}`);
  }
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const peer = options.peer ?? { name, transport: 'tcp', tls: false };
  return within(options, peer, async (stop, timeoutMs) => {
    const addresses = await lookUp(host, family, stop).catch((error) => {
      throw stop.aborted
        ? connectTimeout(peer, `the name was not looked up within ${timeoutMs} ms`)
        : connectFailure(error, peer);
    });
    const begin = (one: string, signal: AbortSignal): Promise<SocketChannel> =>
      attemptConnect({ host: one, port }, peer, signal);
    return raceAddresses(addresses, begin, { nextMs: nextAddressMs, clock: systemClock, signal: stop }).catch(
      (error) => {
        throw error instanceof RaceLost ? addressesFailure(error.outcomes, peer, timeoutMs) : error;
      },
    );
  });
}

/**
 * Connects to a Unix socket; a path that begins with NUL is a name in Linux's abstract namespace. While the server's queue is full,
 * it is tried again.
 *
 * @throws UsageError for a path that cannot be one, ConnectError, TimeoutError, or the signal's reason.
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<ByteChannel> {
  requireUnixPath(path);
  const name = path.startsWith('\0') ? `@${path.slice(1)}` : path;
  const peer = options.peer ?? { name, transport: 'unix', tls: false };
  return within(options, peer, async (stop, timeoutMs) => {
    let isFull = false;
    for (let pauseMs = fullQueueMs.first; ; pauseMs = Math.min(2 * pauseMs, fullQueueMs.longest)) {
      try {
        return await attemptConnect({ path }, peer, stop);
      } catch (error) {
        if (stop.aborted) {
          throw connectTimeout(peer, isFull ? `the server's queue was full for ${timeoutMs} ms` : noAnswer(timeoutMs));
        }
        if (codeOf(error) !== 'EAGAIN') throw unixFailure(error as Error, path, peer);
      }
      // More clients wait to be accepted than the server has asked the system to keep.
      isFull = true;
      await pause(pauseMs, stop);
    }
  });
}

/** Runs an attempt within the caller's time limit and signal, and publishes its events. */
async function within(
  { signal, connectTimeoutMs: timeoutMs = limits.connectMs }: ConnectOptions,
  peer: PeerDescription,
  work: (stop: AbortSignal, timeoutMs: number) => Promise<SocketChannel>,
): Promise<ByteChannel> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  const cancelTimer = systemClock.schedule(timeoutMs, onAbort, true);
  signal?.addEventListener('abort', onAbort, { once: true });
  announceConnect(peer);
  try {
    return announced(await work(stop.signal, timeoutMs));
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Looks up a host's addresses: both families in turns, beginning with the one that the system prefers (RFC 8305, section 4). */
function lookUp(host: string, family: 0 | 4 | 6, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return Promise.resolve([host]);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    dns().lookup(host, { all: true, family }, (error, found) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve(interleaved(found));
    });
  });
}

function interleaved(found: readonly LookupAddress[]): readonly string[] {
  const [first] = found;
  const ours = found.filter(({ family }) => family === first?.family);
  const others = found.filter(({ family }) => family !== first?.family);
  const pairs = Array.from({ length: Math.max(ours.length, others.length) }, (_, index) => [
    ours[index],
    others[index],
  ]);
  return [...new Set(pairs.flat().flatMap((one) => one?.address ?? []))];
}

function unixFailure(error: Error, path: string, peer: PeerDescription): ConnectError {
  // The system reports a file that is no socket in the same way as a socket without a listener.
  if (codeOf(error) !== 'ECONNREFUSED' || isSocket(path)) return connectFailure(error, peer);
  return new ConnectError('ERR_NBD_CONNECT', `cannot connect to ${peer.name}: it is not a socket`, { cause: error });
}

function isSocket(path: string): boolean {
  // Names in the abstract namespace have no file.
  return path.startsWith('\0') || (statSync(path, { throwIfNoEntry: false })?.isSocket() ?? true);
}

const noAnswer = (timeoutMs: number): string => `no answer within ${timeoutMs} ms`;

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', go);
      resolve();
    };
    const timer = setTimeout(go, delayMs);
    signal.addEventListener('abort', go, { once: true });
  });
}
