/** Putting it together: a target's connector, the multiplexer on top, and the client around it. */
import { createConnector, type Delivery } from '@nbdjs/connection';
import type { Abortable, Connector, HeaderMode } from '@nbdjs/interfaces';
import { createMultiplexer, type StrictChecks, traceEvents } from '@nbdjs/multiplexer';
import { afterMicrotasks, diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/syscalls';
import { NbdClient } from './client.ts';
import { type ConnectTarget, resolveTarget } from './target.ts';

export interface ConnectOptions extends Abortable {
  /** Which export. @default the one that the URI names, or the server's default export */
  readonly exportName?: string | undefined;
  /** Metadata contexts to select, several at once; those that the server lacks are left out. @default ['base:allocation'] */
  readonly contexts?: readonly string[] | undefined;
  /** The most that is asked for: older words can be forced for trying out servers. @default 'extended' */
  readonly mode?: HeaderMode | undefined;
  /** Ask for the export's preferred name and description too. @default false */
  readonly fullInfo?: boolean | undefined;
  /**
   * Where the connection is made: on this thread (`inline`), or in a thread of its own that either hands the socket over
   * or keeps it (`thread` chooses). @default 'thread', except for commands and descriptors
   */
  readonly delivery?: Delivery | 'thread' | undefined;
  /** How long requests wait for a new connection after a loss, in milliseconds. @default 0: they fail */
  readonly reconnectDelayMs?: number | undefined;
  /** How long to go on trying to connect, in milliseconds. @default 0: once */
  readonly openTimeoutMs?: number | undefined;
  /** Until the transport stands, in milliseconds. @default 30000 */
  readonly connectTimeoutMs?: number | undefined;
  /** For the whole handshake, in milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Checks that are to be off, for trying out servers. */
  readonly strict?: Partial<StrictChecks> | undefined;
  /** @default 1024 */
  readonly requestsInFlightMax?: number | undefined;
  /** In bytes. @default 64 MiB */
  readonly bytesInFlightMax?: number | undefined;
}

/** Options for a connector that the caller has made. */
export type OpenOptions = Omit<
  ConnectOptions,
  'contexts' | 'mode' | 'fullInfo' | 'delivery' | 'exportName' | 'connectTimeoutMs' | 'handshakeTimeoutMs'
>;

const contextsDefault = ['base:allocation'];

/**
 * Connects to an export.
 *
 * @param target an NBD URI (`nbd://host/export`, `nbd+unix:///export?socket=PATH`), a command to run, or a descriptor.
 * @throws UsageError for a target that makes no sense, ConnectError when nobody is there, NegotiationError when the
 *   server refuses, ProtocolError when it breaks the specification, TimeoutError, or the signal's reason.
 */
export async function connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<NbdClient> {
  const { endpoint, exportName, tlsRequired, name } = resolveTarget(target);
  const { connector } = createConnector({
    endpoint,
    delivery: options.delivery,
    handshake: {
      exportName: options.exportName ?? exportName,
      mode: options.mode ?? 'extended',
      contexts: options.contexts ?? contextsDefault,
      fullInfo: options.fullInfo ?? false,
      tls: tlsRequired ? 'require' : 'off',
    },
    connectTimeoutMs: options.connectTimeoutMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    openTimeoutMs: options.openTimeoutMs,
  });
  return openClient(connector, options, name);
}

/** The same with a connector of the caller's, which is released with the client. */
export async function openClient(connector: Connector, options: OpenOptions = {}, name = 'NBD'): Promise<NbdClient> {
  const device = createMultiplexer({
    connector,
    clock: systemClock,
    defer: afterMicrotasks,
    nextTurn,
    trace: diagnosticsTrace('multiplexer', traceEvents),
    strict: options.strict,
    reconnectDelayMs: options.reconnectDelayMs,
    openTimeoutMs: options.openTimeoutMs,
    requestsInFlightMax: options.requestsInFlightMax,
    bytesInFlightMax: options.bytesInFlightMax,
  });
  try {
    await device.open(options);
  } catch (error) {
    device.destroy();
    throw error;
  }
  return new NbdClient(device, name);
}
