/** Connections made on the caller's own thread. */
import type { Clock, Connector } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { type AttemptSettings, connectLoopOptions } from '../attempts/attempt-settings.ts';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { publish } from '../diagnostics.ts';
import type { UpgradeTls } from '../negotiation/handshake-driver.ts';
import { resolveTlsMode } from '../tls.ts';

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
  const options = resolveTlsMode(given);
  const { clock = systemClock, jitter, upgradeTls } = options;
  const stayAlive = new StayAlive();
  const waiting = (on: boolean) => stayAlive.set(on);
  return new ConnectLoop(connectLoopOptions(options, { clock, jitter, upgradeTls, report: publish, waiting }));
}
