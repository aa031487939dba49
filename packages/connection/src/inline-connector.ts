/** Connections made on the caller's own thread. */
import type { Clock, Connector } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { type AttemptSettings, attemptsOptions } from './attempt-settings.ts';
import { Attempts } from './attempts.ts';
import { publish } from './diagnostics.ts';
import type { UpgradeTls } from './handshake-driver.ts';
import { StayAlive } from './stay-alive.ts';
import { settleTls } from './tls.ts';

export interface InlineConnectorOptions extends AttemptSettings {
  /** Wraps a channel in TLS when both sides want it, in the place of what `tls` says. */
  readonly upgradeTls?: UpgradeTls | undefined;
  /** @default real time */
  readonly clock?: Clock | undefined;
  /** Numbers from 0 to 1 that spread the delays between attempts; 0.5 does not. @default Math.random */
  readonly jitter?: (() => number) | undefined;
}

/** Makes a connector that works on the caller's own thread: nothing to start, but nothing happens while that is busy. */
export function createInlineConnector(given: InlineConnectorOptions): Connector {
  const options = settleTls(given);
  const { clock = systemClock, jitter, upgradeTls } = options;
  const stayAlive = new StayAlive();
  const waiting = (on: boolean) => stayAlive.set(on);
  return new Attempts(attemptsOptions(options, { clock, jitter, upgradeTls, report: publish, waiting }));
}
