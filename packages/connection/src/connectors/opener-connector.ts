/** Connections over channels that an opener of the caller's opens. */
import type { ChannelOpener, Connector } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { attemptLoopOptions, checkHandshake, negotiatingOptions } from '../attempts/attempt-loop.ts';
import { tlsOfAttempts, withTrace } from '../attempts/attempt-settings.ts';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { nameOfOpener, openerCheck, openerSource } from '../attempts/opener-source.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { connectionTrace } from '../diagnostics.ts';
import { checkTls, resolveTlsMode, upgradeWith } from '../tls.ts';
import { inlineOnlyOptions } from './connector-options.ts';

/** The options of `createOpenerConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const openerConnectorOptions = defineOptions({
  /** What opens the channels to the server, one for each attempt. */
  opener: option.checked<ChannelOpener>(openerCheck, {
    required: true,
    doc: 'What opens the channels to the server, one for each attempt.',
  }),
  ...tlsOfAttempts.definitions,
  ...negotiatingOptions.definitions,
  ...inlineOnlyOptions.definitions,
});

/** How a server is reached by a transport of the caller's. */
export interface OpenerConnectorOptions extends OptionsOf<typeof openerConnectorOptions> {}

/**
 * Makes a connector for a server that is reached by a transport of the caller's. It works on the caller's own thread. The opener's time is
 * limited by `connectTimeoutMs`; what it throws becomes the cause of a `ConnectError`. TLS of NBD is checked against `tls.hostname` only.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, missing or wrong, and for certificates and keys that cannot be used.
 */
export function createOpenerConnector(options: OpenerConnectorOptions): Connector {
  const caller = 'createOpenerConnector';
  const settings = resolveTlsMode(openerConnectorOptions.resolve(caller, options));
  const { opener, handshake, tls, clock, jitter } = settings;
  checkHandshake(caller, handshake);
  if (settings.upgradeTls === undefined) checkTls({ handshake, tls });
  const name = nameOfOpener(opener, handshake.exportName);
  if (connectionTrace.enabled) {
    connectionTrace.emit('chosen', { endpoint: name, delivery: 'inline', reason: 'an opener belongs to this thread' });
  }
  const stayAlive = new StayAlive();
  const waiting = (on: boolean) => stayAlive.set(on);
  const { upgradeTls = upgradeWith(tls) } = settings;
  const context = { clock, jitter, upgradeTls, trace: connectionTrace, waiting };
  return new ConnectLoop(attemptLoopOptions(openerSource(opener, name), withTrace(settings), context));
}
