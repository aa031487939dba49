/** The options of a server's handshake, as data: types, checks and defaults come from here. */
import { type HeaderMode, limits, silent, type Trace, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionGroup, type SettingsOf } from '@nbdjs/kit';
import { contextsMax } from '../contexts-max.ts';
import type { ServerHandshakeEvents } from '../events.ts';

/**
 * Whether there is TLS. `off`: never ("NOTLS mode" of the specification). `allow`: for clients that ask for it; exports that are
 * offered as `tlsOnly` are refused to all others ("SELECTIVETLS mode"). `require`: for everything ("FORCEDTLS mode").
 */
export type ServerTlsMode = 'off' | 'allow' | 'require';

const mebi = 2 ** 20;

/** Bounds for what the client sends. */
export const serverHandshakeLimits = defineOptions({
  /** Options that are taken from one client; one that sends more is cut off. @default 65536 */
  optionsMax: option.count({
    default: 65_536,
    doc: 'Options that are taken from one client; one that sends more is cut off.',
  }),
  /** Payload of one option that is kept; longer ones are refused with `ERR_TOO_BIG`. In bytes. @default 1048576 */
  optionBytesMax: option.bytes({
    default: mebi,
    doc: 'Payload of one option that is kept; longer ones are refused.',
  }),
  /** Payload of all options that are taken from one client; one that sends more is cut off. In bytes. @default 67108864 */
  optionsBytesMax: option.bytes({
    default: 64 * mebi,
    doc: 'Payload of all options that are taken from one client; one that sends more is cut off.',
  }),
  /** Queries for metadata contexts in one option; an option with more is refused. @default 1024 */
  contextQueriesMax: option.count({
    default: limits.contextQueriesMax,
    doc: 'Queries for metadata contexts in one option; an option with more is refused.',
  }),
  /** Metadata contexts in one selection or list. @default 1024 */
  contextsMax,
});

/** Limits that differ from their defaults. */
export interface ServerHandshakeLimitOptions extends OptionsOf<typeof serverHandshakeLimits> {}

/** The bounds for what the client sends, with all defaults filled in. */
export interface ServerHandshakeLimits extends SettingsOf<typeof serverHandshakeLimits> {}

/** What a server agrees to in its handshake, as data. */
export const serverHandshakeOptions = defineOptions({
  /**
   * `oldstyle`: announces the default export to every client at once, for clients from before there were options; simple replies,
   * no TLS. @default 'newstyle'
   */
  style: option.oneOf(['newstyle', 'oldstyle'], {
    default: 'newstyle',
    doc: '`oldstyle` announces the default export to every client at once, for clients from before there were options.',
  }),
  /** Whether there is TLS. @default 'off' */
  tls: option.oneOf<ServerTlsMode>(['off', 'allow', 'require'], {
    default: 'off',
    doc: 'off: never TLS. allow: for clients that ask for it. require: for everything.',
  }),
  /** How far clients may raise the agreement. @default 'extended' */
  mode: option.oneOf<HeaderMode>(['simple', 'structured', 'extended'], {
    default: 'extended',
    doc: 'How far clients may raise the agreement.',
  }),
  /** Bounds for what the client sends. */
  limits: optionGroup(serverHandshakeLimits, { doc: 'Bounds for what the client sends.' }),
  /** Where events are published, see `docs/events.md`. @default nowhere */
  trace: option.object<Trace<ServerHandshakeEvents>>({
    default: silent,
    defaultText: 'nowhere',
    doc: 'Where events are published.',
  }),
});

/** What a server agrees to in its handshake. Options that are left out have their defaults. */
export interface ServerHandshakeOptions extends OptionsOf<typeof serverHandshakeOptions> {}

/** The same with all defaults filled in. */
export interface ServerHandshakeSettings extends SettingsOf<typeof serverHandshakeOptions> {}

/** @throws UsageError for an option that is unknown or wrong, or TLS where there are no options. */
export function resolveServerOptions(options: ServerHandshakeOptions): ServerHandshakeSettings {
  const settings = serverHandshakeOptions.resolve('ServerHandshake', options);
  if (settings.style === 'oldstyle' && settings.tls !== 'off') {
    throw new UsageError('ERR_NBD_ARGUMENT', `the oldstyle handshake has no TLS, but tls is '${settings.tls}'`);
  }
  return settings;
}
