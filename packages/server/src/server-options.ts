/** The options of a server, and their checks for callers without a compiler. An option without a check does not compile. */
import { UsageError } from '@nbdjs/interfaces';
import { checkDevice, checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import type { TlsServerSettings } from '@nbdjs/transport';
import type { AccessRules } from './admission/access-list.ts';
import type { Export, ExportProvider, ExportTable } from './exports/export.ts';
import type { ContextOptions } from './server-context.ts';
import type { SettingOptions } from './server-settings.ts';
import type { SessionDescription } from './session/session-description.ts';

export interface ServerOptions extends SettingOptions, ContextOptions {
  /** A table of devices by name, or a provider that decides. A table's single export is the default one, too. */
  readonly exports: ExportTable | ExportProvider;
  /** The clients that may connect. @default all clients */
  readonly access?: AccessRules | undefined;
  /**
   * Certificates or shared keys, and the clients to serve. Clients have to show certificates when a table's export is for some of
   * them.
   *
   * @default no TLS
   */
  readonly tls?: TlsServerSettings | undefined;
  /** Called when a client is gone, whether it had finished the handshake or not. */
  readonly onSessionEnd?: ((session: SessionDescription & { readonly isNegotiated: boolean }) => void) | undefined;
}

const { boolean, callback, either, milliseconds, object, oneOf, text, texts } = optionChecks;

const serverChecks: OptionChecks<ServerOptions> = {
  access: object,
  busyPollMs: milliseconds,
  clock: object,
  exports: object,
  limits: object,
  mode: oneOf('simple', 'structured', 'extended'),
  nextTurn: callback,
  onSessionEnd: callback,
  style: oneOf('newstyle', 'oldstyle'),
  tls: object,
  trace: object,
};

/** Of an export in a table. A misspelt option, such as `readonly`, would leave it open to every client. */
const exportChecks: OptionChecks<Export> = {
  allow: either(texts, callback),
  description: text,
  device: object,
  multiConn: boolean,
  readOnly: boolean,
  release: callback,
  resizable: boolean,
  tlsOnly: boolean,
  unaligned: oneOf('mend', 'refuse'),
};

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or of the wrong kind, and where there is no export. */
export function checkServerOptions(options: ServerOptions): void {
  checkOptions('createServer', options, serverChecks);
  if (options?.exports === undefined) {
    const message = 'createServer: exports is missing, expected a table of devices or a provider';
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (typeof options.exports.open === 'function') return;
  for (const [name, value] of Object.entries(options.exports)) {
    const isExport = object.holds(value) && 'device' in value;
    checkDevice('createServer', `export '${name}'`, isExport ? value.device : value);
    if (isExport) checkOptions(`createServer: export '${name}'`, value, exportChecks);
  }
}
