/** Connections made on the caller's own thread. */
import type { Connector } from '@nbdjs/interfaces';
import { connectLoopOptions } from '../attempts/attempt-settings.ts';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { connectionTrace } from '../diagnostics.ts';
import {
  type InlineConnectorOptions,
  type InlineConnectorSettings,
  inlineConnectorOptions,
  resolveSettings,
} from './connector-options.ts';

/**
 * Makes a connector that works on the caller's own thread: no thread has to start, but attempts do not go on while the caller is busy.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, missing or wrong.
 */
export function createInlineConnector(options: InlineConnectorOptions): Connector {
  return inlineConnector(resolveSettings('createInlineConnector', inlineConnectorOptions, options));
}

/** The same for settings that are resolved. */
export function inlineConnector(settings: InlineConnectorSettings): Connector {
  const { clock, jitter, upgradeTls } = settings;
  const stayAlive = new StayAlive();
  const waiting = (on: boolean) => stayAlive.set(on);
  return new ConnectLoop(connectLoopOptions(settings, { clock, jitter, upgradeTls, trace: connectionTrace, waiting }));
}
