/** The options of `attachWeb`. */
import type { IncomingHttpHeaders } from 'node:http';
import { defineOptions, type OptionsOf, option, optionChecks } from '@nbdjs/kit';
import { socketOptions } from './channel-options.ts';

/** How a client has come. */
export type WebKind = 'websocket' | 'upgrade';

/** The request of a client that wants to become a channel. */
export interface WebRequest {
  /** `websocket`, or `upgrade` for HTTP Upgrade. */
  readonly kind: WebKind;
  /** The path that was asked for. */
  readonly path: string;
  /** The query that was asked for. It may have a token. */
  readonly query: URLSearchParams;
  /** The headers, with names in lower case. They may have a token. */
  readonly headers: IncomingHttpHeaders;
  /** The numeric address of the client; empty for a Unix socket. */
  readonly address: string;
}

/** The options of `attachWeb` as data. */
export const attachWebOptions = defineOptions({
  /** The path that clients ask for; one that ends with `*` stands for all paths that begin so. @default '/' */
  path: option.text({
    default: '/',
    doc: 'The path that clients ask for; one that ends with `*` stands for all paths that begin so.',
  }),
  /** What is accepted: WebSockets, HTTP Upgrades, or both. @default both */
  kinds: option.checked<readonly WebKind[]>(optionChecks.texts, {
    default: ['websocket', 'upgrade'],
    doc: 'What is accepted: WebSockets, HTTP Upgrades, or both.',
    defaultText: 'both',
  }),
  /**
   * Origins of pages that may connect, such as `https://example.org`; `*` for all. @default only pages of this server, by its address or
   * as localhost
   */
  origins: option.texts({
    default: [],
    doc: 'Origins of pages that may connect, such as `https://example.org`; `*` for all.',
    defaultText: 'only pages of this server, by its address or as localhost',
  }),
  /**
   * Clients need one of these tokens: as `Authorization: Bearer`, as the parameter `access_token` of the query, or as a subprotocol.
   * @default none is needed
   */
  tokens: option.texts({
    default: [],
    doc:
      'Clients need one of these tokens: as `Authorization: Bearer`, as the parameter `access_token` of the query, or as a ' +
      'subprotocol.',
    defaultText: 'none is needed',
  }),
  /** Decides about a client that has passed all other checks: whether it may connect. @default all may */
  authorize: option.callback<(request: WebRequest) => boolean | Promise<boolean>>({
    doc: 'Decides about a client that has passed all other checks: whether it may connect.',
    defaultText: 'all may',
  }),
  /** Milliseconds that `authorize` may take. @default 10000 */
  authorizeMs: option.milliseconds({ default: 10_000, doc: 'How long `authorize` may take.' }),
  /** Subprotocols of WebSocket that are accepted when a client offers any. A client that offers others only gets none. @default nbd and binary */
  protocols: option.texts({
    default: ['nbd', 'binary'],
    doc: 'Subprotocols of WebSocket that are accepted when a client offers any. A client that offers others only gets none.',
    defaultText: 'nbd and binary',
  }),
  /** What clients ask for in the header `Upgrade` of HTTP Upgrade. @default 'nbd' */
  upgradeProtocol: option.text({
    default: 'nbd',
    doc: 'What clients ask for in the header `Upgrade` of HTTP Upgrade.',
  }),
  /** Channels at a time; further clients get the status 503. @default 1024 */
  connectionsMax: option.count({ default: 1024, doc: 'Channels at a time; further clients get the status 503.' }),
  /** Clients about which `authorize` decides at a time; further ones get the status 503. @default 64 */
  pendingMax: option.count({
    default: 64,
    doc: 'Clients about which `authorize` decides at a time; further ones get the status 503.',
  }),
  ...socketOptions.definitions,
});

/** The options of `attachWeb`. */
export interface AttachWebOptions extends OptionsOf<typeof attachWebOptions> {}
