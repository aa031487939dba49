/** Options of attempts on the caller's own thread. */
import type { Clock } from '@nbdjs/interfaces';
import { defineOptions, option } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { UpgradeTls } from '../negotiation/handshake-driver.ts';

export const inlineOnlyOptions = defineOptions({
  /** Wraps a channel in TLS when both sides agree on it, in the place of `tls`. */
  upgradeTls: option.callback<UpgradeTls>({
    doc: 'Wraps a channel in TLS when both sides agree on it, in the place of tls.',
  }),
  /** @default real time */
  clock: option.object<Clock>({ default: systemClock, defaultText: 'real time', doc: 'The clock of the attempts.' }),
  /** Returns numbers from 0 to 1 that spread the delays between attempts; 0.5 does not. @default Math.random */
  jitter: option.callback<() => number>({
    default: Math.random,
    defaultText: 'Math.random',
    doc: 'Returns numbers from 0 to 1 that spread the delays between attempts; 0.5 does not.',
  }),
});
