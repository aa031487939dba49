/** The options of `openWeb`. */
import type { ConnectionOptions } from 'node:tls';
import { limits, type PeerDescription } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { socketOptions } from './channel-options.ts';

/** The options of `openWeb` as data. */
export const openWebOptions = defineOptions({
  /** A token, which is sent as `Authorization: Bearer`. */
  token: option.text({ doc: 'A token, which is sent as `Authorization: Bearer`.' }),
  /** Further headers of the request. @default none */
  headers: option.object<Readonly<Record<string, string>>>({
    default: {},
    doc: 'Further headers of the request.',
    defaultText: 'none',
  }),
  /** Subprotocols of WebSocket, in the order of preference; OpenBMC takes a token as one. The server has to choose one. @default none */
  protocols: option.texts({
    default: [],
    doc: 'Subprotocols of WebSocket, in the order of preference; OpenBMC takes a token as one. The server has to choose one.',
    defaultText: 'none',
  }),
  /** What HTTP Upgrade asks for in the header `Upgrade`. @default 'nbd' */
  upgradeProtocol: option.text({ default: 'nbd', doc: 'What HTTP Upgrade asks for in the header `Upgrade`.' }),
  /** The method of HTTP Upgrade. LXD reads by GET and writes by POST, Incus takes POST. @default 'GET' */
  method: option.oneOf(['GET', 'POST'], {
    default: 'GET',
    doc: 'The method of HTTP Upgrade. LXD reads by GET and writes by POST, Incus takes POST.',
  }),
  /** A body of the request for HTTP Upgrade, such as the JSON that LXD takes. @default none */
  body: option.text({
    doc: 'A body of the request for HTTP Upgrade, such as the JSON that LXD takes.',
    defaultText: 'none',
  }),
  /** The path of a Unix socket where the server listens, instead of the host and the port of the URL. */
  socketPath: option.text({
    doc: 'The path of a Unix socket where the server listens, instead of the host and the port of the URL.',
  }),
  /** TLS of `wss:` and `https:`, as for `connect` of `node:tls`: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized` and so on. */
  tls: option.object<ConnectionOptions>({
    default: {},
    doc: 'TLS of `wss:` and `https:`, as for `connect` of `node:tls`: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized` and so on.',
    defaultText: "the system's authorities",
  }),
  /** Milliseconds until the channel is open. @default 30000 */
  connectTimeoutMs: option.milliseconds({
    default: limits.connectMs,
    doc: 'How long it may take until the channel is open.',
  }),
  /** Ends the attempt, which then rejects with the signal's reason. */
  signal: option.signal({ doc: "Ends the attempt, which then rejects with the signal's reason." }),
  /** How the channel describes its peer. @default the URL without its query */
  peer: option.object<PeerDescription>({
    doc: 'How the channel describes its peer.',
    defaultText: 'the URL without its query',
  }),
  ...socketOptions.definitions,
});

/** The options of `openWeb`. */
export interface OpenWebOptions extends OptionsOf<typeof openWebOptions> {}

/** The settings of `openWeb`. */
export type OpenWebSettings = SettingsOf<typeof openWebOptions>;
