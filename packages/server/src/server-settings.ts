/** The settings of a server: its options as they are after checks and defaults. Resolved once, and handed on whole. */
import { serverHandshakeOptions } from '@nbdjs/handshake';
import { defineOptions, option, type SettingsOf } from '@nbdjs/kit';
import type { ServerLimits } from './server-limits.ts';

export const behaviourOptions = defineOptions({
  /**
   * `oldstyle`: announces the default export to every client at once, for clients from before there were options; simple replies,
   * no TLS. @default 'newstyle'
   */
  style: serverHandshakeOptions.definitions.style,
  /** How far clients may raise the agreement. @default 'extended' */
  mode: serverHandshakeOptions.definitions.mode,
  /**
   * How long to stay awake for the next request, in milliseconds, at most 10, while clients are found to come back that quickly; the
   * processor is busy meanwhile. 0 for sleeping at once. @default 0.1
   */
  busyPollMs: option.milliseconds({
    // Longer than it takes a client on the same machine to come back. With half as much, one whose answer is slowed down by waking
    // the server is never found to come back quickly, and waking it goes on. A client that takes longer than 10 ms can be woken for.
    default: 0.1,
    most: 10,
    zero: 'sleeping at once',
    doc: 'How long to stay awake for the next request, while clients are found to come back that quickly.',
  }),
});

export interface ServerSettings extends ServerLimits, SettingsOf<typeof behaviourOptions> {}
