/** The options of the client without Node, and what they have in common with those of the client in Node. */
import {
  type ClientHandshakeOptions,
  clientHandshakeOptions,
  type HandshakeLimitOptions,
  handshakeLimits,
  type OpenerConnectorOptions,
  openerConnectorOptions,
} from '@nbdjs/connection/core';
import { defineOptions, type OptionDefinitions, type OptionsOf, option, optionGroup } from '@nbdjs/kit';
import { type DeviceOptions, deviceOptions, type ReplyLimitOptions, replyLimits } from '@nbdjs/multiplexer';

export const openingOptions = defineOptions({
  /** How much of what a server sends is accepted, in the handshake and in its replies. */
  limits: optionGroup(defineOptions({ ...handshakeLimits.definitions, ...replyLimits.definitions }), {
    doc: 'How much of what a server sends is accepted, in the handshake and in its replies.',
  }),
  /** Ends the attempt to open the export. */
  signal: option.signal({ doc: 'Ends the attempt to open the export.' }),
});

/** What opening an export has besides the options of its parts. */
export interface OpeningOptions extends Omit<OptionsOf<typeof openingOptions>, 'limits'> {
  /** How much of what a server sends is accepted, in the handshake and in its replies. */
  readonly limits?: (HandshakeLimitOptions & ReplyLimitOptions) | undefined;
}

/** Options of the handshake that `connect` fills in, or does not offer. Others are options of `connect` as well. */
export const handshakeOnly = [
  'avoid',
  'exportName',
  'handshakeFlags',
  'limits',
  'optionMode',
  'requestBlockSizes',
  'tls',
  'trace',
] as const;

/** The same of connectors. */
const connectorOnly = ['clock', 'handshake', 'jitter', 'opener', 'upgradeTls'] as const;

/** The options of `connect` as data: name, default, unit and text of each, to check them or to list them. */
export const connectOptions = defineOptions({
  ...without(deviceOptions.definitions, 'limits'),
  ...without(openerConnectorOptions.definitions, ...connectorOnly),
  ...without(clientHandshakeOptions.definitions, ...handshakeOnly),
  ...openingOptions.definitions,
});

/** The options of `connect`. */
export interface ConnectOptions
  extends Omit<DeviceOptions, 'limits'>,
    Omit<OpenerConnectorOptions, (typeof connectorOnly)[number]>,
    Omit<ClientHandshakeOptions, (typeof handshakeOnly)[number]>,
    OpeningOptions {}

/** The options of `openClient`. */
export const openOptions = defineOptions({ ...deviceOptions.definitions, signal: openingOptions.definitions.signal });

/** Options for a connector that the caller has made. */
export interface OpenOptions extends DeviceOptions, Pick<OpeningOptions, 'signal'> {}

/** Returns the definitions but for some. */
export function without<Definitions extends OptionDefinitions, Name extends keyof Definitions>(
  definitions: Definitions,
  ...names: readonly Name[]
): Omit<Definitions, Name> {
  const rest = Object.entries(definitions).filter(([name]) => !names.some((one) => one === name));
  return Object.fromEntries(rest) as Omit<Definitions, Name>;
}
