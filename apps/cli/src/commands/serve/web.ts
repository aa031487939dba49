/** `nbd serve` by WebSocket and HTTP Upgrade: for clients that connect to us, and at a place that we connect to. */
import type { ByteChannel } from '@nbdjs/interfaces';
import type { Server, ThreadedServer } from '@nbdjs/server';
import type { TlsServerSettings } from '@nbdjs/transport';
import { listenWeb, stayConnected, type WebListener, webOpener } from '@nbdjs/websocket/node';
import { readTokens, splitUrl, webOptions } from '../../connecting/web-target.ts';
import { clientNodeTls, serverNodeTls } from '../../connecting/web-tls.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine } from '../../errors/one-line.ts';
import { tlsSources } from '../../options/tls.ts';
import type { Terminal } from '../../terminal.ts';
import type { ServeOptions } from './command.ts';
import type { DescriptorRoom } from './descriptor-room.ts';
import type { Service } from './service.ts';
import type { WebPlace } from './web-place.ts';

/** What `--web` and its companions say. */
export interface WebListening {
  readonly web: WebPlace;
  readonly webPath?: string | undefined;
  readonly webTokenFile?: string | undefined;
  readonly webOrigin?: readonly string[] | undefined;
}

/** Listens for clients by WebSocket and HTTP Upgrade. */
export async function listenByWeb(
  { web, webPath, webTokenFile, webOrigin }: WebListening,
  tls: TlsServerSettings | undefined,
  room: DescriptorRoom | undefined,
  onChannel: (channel: ByteChannel) => void,
): Promise<WebListener> {
  const nodeTls = serverNodeTls(tls);
  return await listenWeb({ type: 'tcp', host: web.host, port: web.port }, onChannel, {
    path: webPath,
    tokens: webTokenFile === undefined ? undefined : readTokens(webTokenFile),
    origins: webOrigin,
    ...(nodeTls === undefined ? {} : { tls: nodeTls }),
    ...(room === undefined ? {} : { socketsMax: room.clients, connectionsMax: room.clients }),
  });
}

/** Prints that the server listens, and where. */
export async function announceWeb(
  { url }: WebListener,
  names: readonly string[],
  { printUri, quiet, webTokenFile }: ServeOptions,
  terminal: Terminal,
): Promise<void> {
  const [name = ''] = names;
  const uri = name === '' ? url : `${url}#${encodeURIComponent(name)}`;
  if (printUri === true) await terminal.print(`${uri}\n`);
  else if (quiet !== true) {
    const what = names.length === 1 ? uri : `${names.length} exports, the first at ${uri}`;
    const whom = webTokenFile === undefined ? '' : ', for clients with a token';
    terminal.note(`nbd: serving ${what} (and by HTTP Upgrade, with http in place of ws)${whom}`);
  }
}

/** Certificates expire, and are replaced while clients are connected. */
export function reloadWebTls(listener: WebListener, tls: TlsServerSettings, terminal: Terminal): void {
  try {
    listener.setSecureContext(serverNodeTls(tls) ?? {});
    terminal.note('nbd: SIGHUP: certificates and keys were read again, for clients that come from now on');
  } catch (error) {
    terminal.note(`nbd: SIGHUP: ${oneLine(error)}; the certificates and keys are unchanged`);
  }
}

/**
 * Connects to a client, as a page does for virtual media, and serves it until it ends the connection in good order, or the program is
 * stopped. A connection that is lost is made again. Resolves to the exit code.
 */
export async function serveAt(
  word: string,
  options: ServeOptions,
  server: Server | ThreadedServer,
  service: Service,
  terminal: Terminal,
): Promise<number> {
  const { url, exportName } = splitUrl(word);
  if (exportName !== '') throw argumentError('--connect-to: a client chooses the export, so there is none in the URL');
  const opener = webOpener(url, { ...webOptions(options), tls: clientNodeTls(tlsSources(options)) });
  const stop = new AbortController();
  // The client is served to the end, as others are.
  void service
    .stopped()
    .then(() => server.close())
    .then(() => stop.abort());
  let lost = false;
  await stayConnected(opener, (channel) => void server.accept(channel), {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === 'connected') {
        if (options.quiet !== true) terminal.note(`nbd: serving ${opener.name}`);
        return;
      }
      terminal.note(`nbd: ${event.type === 'lost' ? `${opener.name}: ` : ''}${oneLine(event.error)}; trying again`);
      lost = event.type === 'lost';
      if (!options.persistent) stop.abort();
    },
  });
  return lost && !options.persistent ? 1 : 0;
}
