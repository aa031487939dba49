/** The options of the client's doors, put together from the definitions of the packages that enforce them. */
import {
  type ClientHandshakeOptions,
  type ConnectorOptions,
  clientHandshakeOptions,
  connectorOptions,
  failoverOptions,
  type HandshakeLimitOptions,
  handshakeLimits,
} from '@nbdjs/connection';
import { defineOptions, type OptionDefinitions, type OptionsOf, option, optionGroup } from '@nbdjs/kit';
import { type DeviceOptions, deviceOptions, type ReplyLimitOptions, replyLimits } from '@nbdjs/multiplexer';
import { tlsClientOptions } from '@nbdjs/transport';

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
  /** How much of what a server sends is accepted, in the handshake and in its replies. */
  limits: optionGroup(defineOptions({ ...handshakeLimits.definitions, ...replyLimits.definitions }), {
    doc: 'How much of what a server sends is accepted, in the handshake and in its replies.',
  }),
  /**
   * With several servers: the next one joins in when the one before has not been connected to for this long, in milliseconds.
   *
   * @default 2000
   */
  nextServerMs: failoverOptions.definitions.nextServerMs,
  /** Ends the attempt to open the export. */
  signal: option.signal({ doc: 'Ends the attempt to open the export.' }),
});

interface OwnOptions extends Omit<OptionsOf<typeof ownOptions>, 'limits'> {
  /** How much of what a server sends is accepted, in the handshake and in its replies. */
  readonly limits?: (HandshakeLimitOptions & ReplyLimitOptions) | undefined;
}

/** Options of connectors that `connect` fills in, or does not offer. Others are options of `connect` as well. */
const connectorOnly = ['clock', 'endpoint', 'handshake', 'jitter', 'rings', 'tls', 'upgradeTls'] as const;

/** The same of the handshake. */
const handshakeOnly = [
  'avoid',
  'exportName',
  'handshakeFlags',
  'limits',
  'optionMode',
  'requestBlockSizes',
  'tls',
  'trace',
] as const;

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

/** The options of `openClient`. */
export const openOptions = defineOptions({ ...deviceOptions.definitions, signal: ownOptions.definitions.signal });

/** Options for a connector that the caller has made. */
export interface OpenOptions extends DeviceOptions, Pick<OwnOptions, 'signal'> {}

/** Options that are of no use to a connection that cannot be made again. */
const reconnectOnly = ['connections', 'journal', 'openTimeoutMs', 'reconnectDelayMs'] as const;

/** The options of `adoptConnection`. */
export const adoptOptions = defineOptions(without(openOptions.definitions, ...reconnectOnly));

/** Options for a connection that cannot be made again. */
export interface AdoptOptions extends Omit<OpenOptions, (typeof reconnectOnly)[number]> {}

function without<Definitions extends OptionDefinitions, Name extends keyof Definitions>(
  definitions: Definitions,
  ...names: readonly Name[]
): Omit<Definitions, Name> {
  const rest = Object.entries(definitions).filter(([name]) => !names.some((one) => one === name));
  return Object.fromEntries(rest) as Omit<Definitions, Name>;
}
