/** Connections over channels that an opener of the caller's opens, with TLS as Node has it. */
import type { Connector } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf } from '@nbdjs/kit';
import { checkHandshake } from '../attempts/attempt-loop.ts';
import { tlsOfAttempts } from '../attempts/attempt-settings.ts';
import { openerConnectorOptions as coreOptions, openerConnector } from '../core/opener-connector.ts';
import { checkTls, resolveTlsMode, upgradeWith } from '../tls.ts';

/** The options of `createOpenerConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const openerConnectorOptions = defineOptions({ ...coreOptions.definitions, ...tlsOfAttempts.definitions });

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
  const { handshake, tls, upgradeTls = upgradeWith(tls) } = settings;
  checkHandshake(caller, handshake);
  if (settings.upgradeTls === undefined) checkTls({ handshake, tls });
  return openerConnector({ ...settings, upgradeTls });
}
