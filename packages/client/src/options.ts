/** The options of the client's doors, put together from the definitions of the packages that enforce them. */
import {
  type ClientHandshakeOptions,
  type ConnectorOptions,
  clientHandshakeOptions,
  connectorOptions,
  failoverOptions,
} from '@nbdjs/connection';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { type DeviceOptions, deviceOptions } from '@nbdjs/multiplexer';
import { tlsClientOptions } from '@nbdjs/transport';
import {
  handshakeOnly,
  type OpeningOptions,
  type OpenOptions,
  openingOptions,
  openOptions,
  without,
} from './core/options.ts';

export { type OpenOptions, openOptions } from './core/options.ts';

export const tlsOptions = defineOptions({
  /**
   * `off`: never. `allow`: when the server can, else go on in clear text, which an attacker in between can bring about. `require`: with
   * TLS or not at all; the `nbds` schemes always mean that.
   *
   * @default 'require'
   */
  mode: option.oneOf(['off', 'allow', 'require'], {
    defaultText: 'require',
    doc: 'off: never. allow: when the server can, else go on in clear text. require: with TLS or not at all.',
  }),
  ...tlsClientOptions.definitions,
});

/** TLS with the server: whether it is used, and how. */
export interface ConnectTls extends OptionsOf<typeof tlsOptions> {}

const ownOptions = defineOptions({
  /** The export to open. @default the one that the URI names, or the server's default export */
  exportName: option.text({
    defaultText: "the one that the URI names, or the server's default export",
    doc: 'The export to open.',
  }),
  /** TLS with the server. Takes precedence over what the URI says. @default what the URI says */
  tls: option.object<ConnectTls>({
    defaultText: 'what the URI says',
    doc: 'TLS with the server. Takes precedence over what the URI says.',
  }),
  /**
   * Allow URIs to name files of this machine (`tls-certificates`, `tls-psk-file`). Only for URIs whose author may use these files.
   *
   * @default false
   */
  allowLocalFiles: option.boolean({ default: false, doc: 'Allow URIs to name files of this machine.' }),
  limits: openingOptions.definitions.limits,
  /**
   * With several servers: the next one joins in when the one before has not been connected to for this long, in milliseconds.
   *
   * @default 2000
   */
  nextServerMs: failoverOptions.definitions.nextServerMs,
  signal: openingOptions.definitions.signal,
});

interface OwnOptions extends Omit<OptionsOf<typeof ownOptions>, 'limits' | 'signal'>, OpeningOptions {}

/** Options of connectors that `connect` fills in, or does not offer. Others are options of `connect` as well. */
const connectorOnly = ['clock', 'endpoint', 'handshake', 'jitter', 'rings', 'tls', 'upgradeTls'] as const;

/** The options of `connect` as data: name, default, unit and text of each, to check them or to list them. `docs/options.md` has them. */
export const connectOptions = defineOptions({
  ...without(deviceOptions.definitions, 'limits'),
  ...without(connectorOptions.definitions, ...connectorOnly),
  ...without(clientHandshakeOptions.definitions, ...handshakeOnly),
  ...ownOptions.definitions,
});

/** The options of `connect`. */
export interface ConnectOptions
  extends Omit<DeviceOptions, 'limits'>,
    Omit<ConnectorOptions, (typeof connectorOnly)[number]>,
    Omit<ClientHandshakeOptions, (typeof handshakeOnly)[number]>,
    OwnOptions {}

/** Options that are of no use to a connection that cannot be made again. */
const reconnectOnly = ['connections', 'journal', 'openTimeoutMs', 'reconnectDelayMs'] as const;

/** The options of `adoptConnection`. */
export const adoptOptions = defineOptions(without(openOptions.definitions, ...reconnectOnly));

/** Options for a connection that cannot be made again. */
export interface AdoptOptions extends Omit<OpenOptions, (typeof reconnectOnly)[number]> {}
