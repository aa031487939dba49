/** The settings of a server: its options as they are after checks and defaults. Resolved once, and handed on whole. */
import { UsageError } from '@nbdjs/interfaces';
import { type GivenLimits, type ServerLimits, settleLimits } from './server-limits.ts';

/** The part of a server's options that becomes its settings. */
export interface SettingOptions {
  readonly limits?: GivenLimits | undefined;
  /**
   * `oldstyle`: announces the default export to every client at once, for clients from before there were options; simple replies,
   * no TLS. @default 'newstyle'
   */
  readonly style?: 'newstyle' | 'oldstyle' | undefined;
  /** How far clients may raise the agreement. @default 'extended' */
  readonly mode?: 'simple' | 'structured' | 'extended' | undefined;
  /**
   * How long to stay awake for the next request, in milliseconds, while clients are found to come back that quickly; the processor
   * is busy meanwhile. 0 to go to sleep at once. @default 0.1
   */
  readonly busyPollMs?: number | undefined;
}

export interface ServerSettings extends ServerLimits {
  readonly style: 'newstyle' | 'oldstyle';
  readonly mode: 'simple' | 'structured' | 'extended';
  readonly busyPollMs: number;
}

/**
 * Longer than it takes a client on the same machine to come back. With half as much, one whose answer is slowed down by waking the
 * server is never found to come back quickly, and waking it goes on.
 */
const busyPollMsDefault = 0.1;
/** A client that takes longer can as well be woken for. */
const busyPollMsMax = 10;

/** @throws UsageError `ERR_NBD_ARGUMENT` naming the option that is out of range. */
export function resolveSettings(options: SettingOptions): ServerSettings {
  const { style = 'newstyle', mode = 'extended', busyPollMs = busyPollMsDefault } = options;
  const limits = settleLimits(options.limits ?? {});
  if (!(busyPollMs >= 0 && busyPollMs <= busyPollMsMax)) {
    const message = `busyPollMs is ${busyPollMs}, expected 0 to ${busyPollMsMax} milliseconds`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return Object.freeze({ ...limits, style, mode, busyPollMs });
}
