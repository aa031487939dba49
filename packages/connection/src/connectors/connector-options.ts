/** The options of connectors, each defined once; they are resolved once, when a connector is made. */
import { availableParallelism } from 'node:os';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { checkEndpoint } from '@nbdjs/transport';
import { checkHandshake } from '../attempts/attempt-loop.ts';
import { type AttemptOptions, type AttemptSettings, attemptOptions } from '../attempts/attempt-settings.ts';
import { inlineOnlyOptions } from '../attempts/inline-options.ts';
import type { RingSizes } from '../kept/ring-link.ts';
import type { ThreadDelivery } from '../thread/thread-messages.ts';
import { resolveTlsMode } from '../tls.ts';

/** More threads for connections that stay there are used only if asked for. */
const threadsDefaultMax = 4;

/** One processor is left to the caller's thread. */
const threadsDefault = Math.max(1, Math.min(threadsDefaultMax, availableParallelism() - 1));

/** Options of attempts on another thread only. */
const threadOnlyOptions = defineOptions({
  /** How many bytes may be in transit when the connection is kept. */
  rings: option.object<RingSizes>({
    default: Object.freeze({}),
    defaultText: '1 MiB each way',
    doc: 'How many bytes may be in transit when the connection is kept.',
  }),
  /**
   * How many threads the connections of this connector are spread over, where they are kept. Deciphering is what takes their time. Each
   * is started when a connection needs it, and is shared with other connectors.
   *
   * @default one less than there are processors, at least 1 and at most 4
   */
  threadsMax: option.count({
    default: threadsDefault,
    most: 64,
    defaultText: 'one less than there are processors, at least 1 and at most 4',
    doc: 'How many threads the connections are spread over, where they are kept.',
  }),
  /** The worker's file, for bundlers: a copy of `@nbdjs/connection/worker`. @default the one that comes with this package */
  workerUrl: option.url<URL>({
    defaultText: 'the one that comes with @nbdjs/connection',
    doc: "The worker's file, for bundlers: a copy of @nbdjs/connection/worker.",
  }),
});

export const inlineConnectorOptions = defineOptions({
  ...attemptOptions.definitions,
  ...inlineOnlyOptions.definitions,
});

export const threadConnectorOptions = defineOptions({
  ...attemptOptions.definitions,
  ...threadOnlyOptions.definitions,
  /**
   * `handed-over`: the socket itself comes to the caller's thread, and no byte crosses the other thread.
   * `kept`: the socket stays on the other thread, and bytes cross through shared memory.
   *
   * @default `handed-over` where descriptors can be duplicated, else `kept`
   */
  delivery: option.oneOf<ThreadDelivery>(['handed-over', 'kept'], {
    defaultText: 'handed-over where descriptors can be duplicated, else kept',
    doc: "Whether the socket comes to the caller's thread, or its bytes cross through shared memory.",
  }),
});

/** The options of `createConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const connectorOptions = defineOptions({
  ...attemptOptions.definitions,
  ...inlineOnlyOptions.definitions,
  ...threadOnlyOptions.definitions,
  /**
   * `inline`: on the caller's own thread. `thread`: on a thread of their own, and then `handed-over` if that is possible,
   * else `kept`. Connections in TLS are never handed over: the thread that has set TLS up goes on with it.
   *
   * @default 'thread', except for what belongs to the caller's thread (commands and descriptors), and for bundles that have
   *   left the worker's file behind, which are `inline`
   */
  delivery: option.oneOf(['inline', 'thread', 'handed-over', 'kept'], {
    defaultText: "thread, except for commands and descriptors, and in bundles without the worker's file",
    doc: "Where connections are made: on the caller's own thread, or on a thread of their own that hands sockets over or keeps them.",
  }),
});

/** How a server is reached, by attempts on the caller's own thread. */
export interface InlineConnectorOptions extends OptionsOf<typeof inlineConnectorOptions> {}
export interface InlineConnectorSettings extends SettingsOf<typeof inlineConnectorOptions> {}
/** How a server is reached, by attempts on another thread, and how connections come from there to the caller. */
export interface ThreadConnectorOptions extends OptionsOf<typeof threadConnectorOptions> {}
export interface ThreadConnectorSettings extends SettingsOf<typeof threadConnectorOptions> {}
/** How a server is reached, and on which thread the attempts are made. */
export interface ConnectorOptions extends OptionsOf<typeof connectorOptions> {}
export interface ConnectorSettings extends SettingsOf<typeof connectorOptions> {}

/**
 * Resolves the options of a connector to frozen settings.
 *
 * @param caller The public function that was called, for messages.
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, missing or wrong.
 */
export function resolveSettings<Options extends AttemptOptions, Settings extends AttemptSettings>(
  caller: string,
  set: { resolve(caller: string, given: Options | undefined): Settings },
  given: Options,
): Settings {
  const settings = set.resolve(caller, given);
  checkEndpoint(settings.endpoint);
  checkHandshake(caller, settings.handshake);
  return Object.freeze(resolveTlsMode(settings));
}
