/** Connections over channels that an opener of the caller's opens, without anything of Node. */
import type { ChannelOpener, Connector } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { attemptLoopOptions, checkHandshake, negotiatingOptions } from '../attempts/attempt-loop.ts';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { inlineOnlyOptions } from '../attempts/inline-options.ts';
import { nameOfOpener, openerCheck, openerSource } from '../attempts/opener-source.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { connectionTrace, withTrace } from '../diagnostics.ts';

/** The options of `createOpenerConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const openerConnectorOptions = defineOptions({
  /** What opens the channels to the server, one for each attempt. */
  opener: option.checked<ChannelOpener>(openerCheck, {
    required: true,
    doc: 'What opens the channels to the server, one for each attempt.',
  }),
  ...negotiatingOptions.definitions,
  ...inlineOnlyOptions.definitions,
});

/** How a server is reached by a transport of the caller's. */
export interface OpenerConnectorOptions extends OptionsOf<typeof openerConnectorOptions> {}

/**
 * Makes a connector for a server that is reached by a transport of the caller's. It works on the caller's own thread. The opener's time is
 * limited by `connectTimeoutMs`; what it throws becomes the cause of a `ConnectError`. TLS of NBD needs `upgradeTls`.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, missing or wrong.
 */
export function createOpenerConnector(options: OpenerConnectorOptions): Connector {
  const settings = openerConnectorOptions.resolve('createOpenerConnector', options);
  checkHandshake('createOpenerConnector', settings.handshake);
  return openerConnector(settings);
}

/** The same for settings that are resolved and checked. */
export function openerConnector(settings: SettingsOf<typeof openerConnectorOptions>): Connector {
  const { opener, handshake, clock, jitter, upgradeTls } = settings;
  const name = nameOfOpener(opener, handshake.exportName);
  if (connectionTrace.enabled) {
    connectionTrace.emit('chosen', { endpoint: name, delivery: 'inline', reason: 'an opener belongs to this thread' });
  }
  const stayAlive = new StayAlive();
  const waiting = (on: boolean) => stayAlive.set(on);
  const context = { clock, jitter, upgradeTls, trace: connectionTrace, waiting };
  return new ConnectLoop(attemptLoopOptions(openerSource(opener, name), withTrace(settings), context));
}
