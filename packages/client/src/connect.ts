/** Putting it together: a target's connector, the multiplexer on top, and the client around it. */
import { createConnector, type Delivery, type HandshakeLimits } from '@nbdjs/connection';
import { type Abortable, type Connector, type HeaderMode, type LimitOptions, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import {
  createMultiplexer,
  deviceOptions,
  type DeviceOptions as MultiplexerDeviceOptions,
  type ReplyLimits,
  replyLimits,
  traceEvents,
} from '@nbdjs/multiplexer';
import { afterMicrotasks, diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
import { NbdClient } from './client.ts';
import { checkConnectOptions, checkDeviceOptions, ofConnect, ofDevice } from './options.ts';
import { type ConnectTarget, resolveTarget } from './target.ts';
import { resolveTls, type TlsWishes } from './tls.ts';

/** How the device behaves, whatever it is connected to. */
export type DeviceOptions = MultiplexerDeviceOptions;

export interface ConnectOptions extends Abortable, DeviceOptions, TlsWishes {
  /** Which export. @default the one that the URI names, or the server's default export */
  readonly exportName?: string | undefined;
  /** Metadata contexts to select, several at once; those that the server lacks are left out. @default ['base:allocation'] */
  readonly contexts?: readonly string[] | undefined;
  /** Select whatever contexts the server lists for the export besides: for those who hand all of them on. @default false */
  readonly allContexts?: boolean | undefined;
  /** The most that is asked for: older words can be forced for trying out servers. @default 'extended' */
  readonly mode?: HeaderMode | undefined;
  /**
   * An export that the server does not know is waited for, as a server that is not there is: as long as `openTimeoutMs` and
   * `reconnectDelayMs` allow. @default false: it is a refusal on principle
   */
  readonly awaitExport?: boolean | undefined;
  /** No more attempts than this until the first success, within `openTimeoutMs`. @default as many as the time allows */
  readonly openAttemptsMax?: number | undefined;
  /** Ask for the export's preferred name and description too. @default false */
  readonly fullInfo?: boolean | undefined;
  /**
   * Where the connection is made: on this thread (`inline`), or in a thread of its own that either hands the socket over
   * or keeps it (`thread` chooses).
   *
   * @default 'thread', except for commands and descriptors, and in bundles that have left the worker's file behind
   */
  readonly delivery?: Delivery | 'thread' | undefined;
  /** The worker's file, for bundlers: where they have put a copy of `@nbdjs/connection/worker`. @default the one of that package */
  readonly workerUrl?: URL | undefined;
  /** Until the transport stands, in milliseconds. @default 30000 */
  readonly connectTimeoutMs?: number | undefined;
  /** For the whole handshake, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** How much of what a server sends is taken; see `limits` of `@nbdjs/interfaces` for the defaults. */
  readonly limits?: LimitOptions<keyof HandshakeLimits | keyof ReplyLimits> | undefined;
}

/** Options for a connector that the caller has made. */
export interface OpenOptions extends Abortable, DeviceOptions {}

const contextsDefault = ['base:allocation'];

/**
 * Connects to an export.
 *
 * @param target an NBD URI (`nbd://host/export`, `nbd+unix:///export?socket=PATH`), `{ host, port, exportName }`, `{ path,
 *   exportName }`, a command to run, or a descriptor.
 * @throws UsageError for a target or an option that makes no sense, ConnectError when nobody is there, NegotiationError when the
 *   server refuses, ProtocolError when it breaks the specification, TimeoutError, or the signal's reason.
 */
export async function connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<NbdClient> {
  checkConnectOptions<ConnectOptions>(options, ofConnect);
  const resolved = resolveTarget(target);
  const { endpoint, exportName, name } = resolved;
  const { mode: tlsMode, settings: tls } = resolveTls(resolved, options);
  const { connector } = createConnector({
    endpoint,
    delivery: options.delivery,
    workerUrl: options.workerUrl,
    handshake: {
      exportName: options.exportName ?? exportName,
      mode: options.mode ?? 'extended',
      contexts: options.contexts ?? contextsDefault,
      allContexts: options.allContexts ?? false,
      fullInfo: options.fullInfo ?? false,
      tls: tlsMode,
      limits: options.limits,
    },
    tls,
    connectTimeoutMs: options.connectTimeoutMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    openTimeoutMs: options.openTimeoutMs,
    stopOnPermanent: options.stopOnPermanent,
    awaitExport: options.awaitExport,
    openAttemptsMax: options.openAttemptsMax,
  });
  // A command that is started again serves what it begins with, and a descriptor is gone with its connection.
  const canComeBack = endpoint.type !== 'command' && endpoint.type !== 'descriptor';
  const reconnects = options.reconnects ?? (canComeBack || (options.reconnectDelayMs ?? 0) > 0);
  return openDevice(connector, { ...options, reconnects }, name);
}

/** The same with a connector of the caller's, which is released with the client. */
export async function openClient(connector: Connector, options: OpenOptions = {}, name = 'NBD'): Promise<NbdClient> {
  if (typeof connector?.establish !== 'function') {
    const message = `openClient: the connector is ${describeValue(connector)}, expected one (establish, retry, release)`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  checkDeviceOptions<DeviceOptions>('openClient', options, ofDevice);
  return openDevice(connector, options, name);
}

async function openDevice(connector: Connector, options: OpenOptions, name: string): Promise<NbdClient> {
  const device = createMultiplexer({
    connector,
    clock: systemClock,
    defer: afterMicrotasks,
    nextTurn,
    trace: diagnosticsTrace('multiplexer', traceEvents),
    ...deviceOptions.pick(options),
    limits: replyLimits.pick(options.limits ?? {}),
  });
  try {
    await device.open(options);
  } catch (error) {
    device.destroy();
    throw error;
  }
  return new NbdClient(device, name);
}
