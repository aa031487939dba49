/** The options of a multiplexer with their defaults filled in: resolved once, frozen, and handed on whole. */
import { type Clock, type Connector, type Defer, limits, silent, type Trace } from '@nbdjs/interfaces';
import { type StrictChecks, strictDefaults } from './export/strict.ts';
import type { DeviceEvent, JournalOptions, MultiplexerOptions } from './multiplexer-options.ts';
import { type ReplyLimits, resolveReplyLimits } from './replies/reply-limits.ts';

export interface JournalSettings {
  readonly isOn: boolean;
  readonly bytesMax: number;
  readonly requestsMax: number;
  readonly whenFull: 'give-up' | 'flush';
}

/** See `MultiplexerOptions` for what each of them means. */
export interface MultiplexerSettings {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly defer: Defer;
  readonly nextTurn: Defer | undefined;
  readonly trace: Trace;
  readonly strict: StrictChecks;
  readonly reconnectDelayMs: number;
  readonly reconnects: boolean;
  readonly onEvent: (event: DeviceEvent) => void;
  readonly stopOnPermanent: boolean;
  readonly journal: JournalSettings;
  readonly connections: number;
  readonly requestTimeoutMs: number;
  readonly silenceMs: number;
  readonly keepAliveMs: number;
  readonly openTimeoutMs: number;
  readonly requestsInFlightMax: number;
  readonly bytesInFlightMax: number;
  readonly limits: ReplyLimits;
  readonly closeMs: number;
}

const journalBytesMax = 64 * 2 ** 20;
const journalRequestsMax = 65_536;

/** @throws UsageError naming the option that makes no sense. */
export function resolveSettings(options: MultiplexerOptions): MultiplexerSettings {
  return Object.freeze({
    connector: options.connector,
    clock: options.clock,
    defer: options.defer,
    nextTurn: options.nextTurn,
    trace: options.trace ?? silent,
    strict: { ...strictDefaults, ...options.strict },
    reconnectDelayMs: options.reconnectDelayMs ?? 0,
    reconnects: options.reconnects ?? true,
    onEvent: options.onEvent ?? (() => {}),
    stopOnPermanent: options.stopOnPermanent ?? true,
    journal: resolveJournal(options.journal ?? true),
    connections: options.connections ?? 1,
    requestTimeoutMs: options.requestTimeoutMs ?? 0,
    silenceMs: options.silenceMs ?? 0,
    keepAliveMs: options.keepAliveMs ?? 0,
    openTimeoutMs: options.openTimeoutMs ?? 0,
    requestsInFlightMax: options.requestsInFlightMax ?? limits.requestsInFlightMax,
    bytesInFlightMax: options.bytesInFlightMax ?? limits.bytesInFlightMax,
    limits: resolveReplyLimits(options.limits),
    closeMs: options.closeMs ?? limits.closeMs,
  });
}

function resolveJournal(journal: boolean | JournalOptions): JournalSettings {
  const { bytesMax, requestsMax, whenFull }: JournalOptions = typeof journal === 'boolean' ? {} : journal;
  return {
    isOn: journal !== false,
    bytesMax: bytesMax ?? journalBytesMax,
    requestsMax: requestsMax ?? journalRequestsMax,
    whenFull: whenFull ?? 'give-up',
  };
}
