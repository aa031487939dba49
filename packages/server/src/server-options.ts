/** The options of a server as data: types, checks and defaults come from here. */
import { type Clock, type Defer, type SecureUpgrade, type ServerTls, type Trace, UsageError } from '@nbdjs/interfaces';
import {
  checkDevice,
  defineOptions,
  type OptionsOf,
  option,
  optionChecks,
  optionGroup,
  type SettingsOf,
} from '@nbdjs/kit';
import { diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
import type { AccessRules } from './admission/access-rules.ts';
import type { LoopbackLimits } from './admission/connection-gate.ts';
import { type ServerEvents, serverEvents } from './events.ts';
import { type Export, type ExportProvider, type ExportTable, exportOptions } from './exports/export.ts';
import { serverLimits } from './server-limits.ts';
import { behaviourOptions, type ServerSettings } from './server-settings.ts';
import type { SessionDescription } from './session/session-description.ts';

type SessionListener = (session: SessionDescription & { readonly isNegotiated: boolean }) => void;

const serverTls = {
  expected: 'what serverTls of @nbdjs/transport makes of settings',
  holds: (value: unknown) => optionChecks.object.holds(value) && 'load' in (value as object),
};

const table = { ...optionChecks.object, expected: 'a table of devices or a provider' };

export const serverOptions = defineOptions({
  ...behaviourOptions.definitions,
  /** A table of devices by name, or a provider that decides. A table's single export is the default one, too. */
  exports: option.checked<ExportTable | ExportProvider>(table, {
    required: true,
    doc: 'A table of devices by name, or a provider that decides.',
  }),
  /** Bounds of what clients may cost, by name. @default see `docs/limits.md` */
  limits: optionGroup(serverLimits, { doc: 'Bounds of what clients may cost.' }),
  /** The clients that may connect. @default all clients */
  access: option.object<AccessRules>({ doc: 'The clients that may connect.', defaultText: 'all clients' }),
  /**
   * TLS and the clients to serve: what `serverTls` of `@nbdjs/transport` makes of certificates or shared keys. Clients have to show
   * certificates when a table's export is for some of them.
   *
   * @default no TLS
   */
  tls: option.checked<ServerTls>(serverTls, { doc: 'TLS, and the clients to serve.', defaultText: 'no TLS' }),
  /** Called when a client is gone, whether it had finished the handshake or not. */
  onSessionEnd: option.callback<SessionListener>({ doc: 'Called when a client is gone.' }),
  /** @default Node's monotonic clock */
  clock: option.object<Clock>({ default: systemClock, defaultText: "Node's monotonic clock", doc: 'The time.' }),
  /** @default setImmediate */
  nextTurn: option.callback<Defer>({ default: nextTurn, defaultText: 'setImmediate', doc: 'Defers to the next turn.' }),
  /** Where events are published, see `docs/events.md`. @default diagnostics channels `nbdjs:server:<event>` */
  trace: option.object<Trace<ServerEvents>>({
    doc: 'Where events are published, see `docs/events.md`.',
    defaultText: 'diagnostics channels `nbdjs:server:<event>`',
  }),
});

/** What a server offers, to which clients, and within which limits. */
export interface ServerOptions extends OptionsOf<typeof serverOptions> {}

/** What a server is made of: its settings, and everything that is no setting. */
export interface ResolvedOptions extends Omit<SettingsOf<typeof serverOptions>, 'trace'> {
  readonly settings: ServerSettings;
  readonly trace: Trace<ServerEvents>;
}

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing, also within the table of exports. */
export function resolveOptions(options: ServerOptions | undefined): ResolvedOptions {
  const resolved = serverOptions.resolve('createServer', options ?? ({} as ServerOptions));
  checkTable(resolved.exports);
  const { limits, style, mode, busyPollMs, trace = diagnosticsTrace<ServerEvents>(serverEvents) } = resolved;
  return { ...resolved, trace, settings: Object.freeze({ ...limits, style, mode, busyPollMs }) };
}

/** Which of the limits on addresses were given expressly: they apply to loopback addresses, too. */
export function givenLoopbackLimits(options: Pick<ServerOptions, 'limits'> | undefined): LoopbackLimits {
  const { connectionsPerAddressMax, connectsPerSecondMax } = options?.limits ?? {};
  return {
    connectionsPerAddressMax: connectionsPerAddressMax !== undefined,
    connectsPerSecondMax: connectsPerSecondMax !== undefined,
  };
}

/** @throws UsageError for TLS with the oldstyle handshake. */
export function requireNewstyle({ style }: Pick<ServerSettings, 'style'>, tls: SecureUpgrade | undefined): void {
  if (style !== 'oldstyle' || (tls?.mode ?? 'off') === 'off') return;
  throw new UsageError('ERR_NBD_ARGUMENT', 'the oldstyle handshake has no TLS, but TLS is set up');
}

/** @throws UsageError for a device that lacks something, or an option of an export that is unknown or wrong. */
export function checkTable(exports: ExportTable | ExportProvider): void {
  if (typeof exports.open === 'function') return;
  for (const [name, value] of Object.entries(exports)) {
    const isExport = optionChecks.object.holds(value) && 'device' in value;
    checkDevice('createServer', `export '${name}'`, isExport ? value.device : value);
    if (isExport) exportOptions.resolve(`createServer: export '${name}'`, value as Export);
  }
}
