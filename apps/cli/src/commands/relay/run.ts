/** `nbd relay`: makes an ordinary NBD socket of a server that connects to us by WebSocket, such as a page that offers a file. */
import { once } from 'node:events';
import { createServer } from '@nbdjs/server';
import type { Listener } from '@nbdjs/transport';
import { createIncomingChannels } from '@nbdjs/websocket/node';
import { argumentError } from '../../errors/argument-error.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { createClientLog } from '../serve/client-log.ts';
import { requireOnePlace } from '../serve/conflicts.ts';
import { descriptorRoom } from '../serve/descriptor-room.ts';
import { ownDefaults } from '../serve/limits.ts';
import { announce, openListeners } from '../serve/listening.ts';
import { noteTls, serverTlsSettings } from '../serve/tls.ts';
import { listenByWeb, reloadWebTls } from '../serve/web.ts';
import type { WebPlace } from '../serve/web-place.ts';
import type { RelayOptions } from './command.ts';
import { OfferedDevice } from './offered-device.ts';

/** A client's handshake takes this long in addition to the wait for a page, in milliseconds. */
const handshakeMs = 10_000;

/** Relays until the program is stopped by a signal. */
export async function run({ terminal }: CommandContext, options: RelayOptions, web: WebPlace): Promise<number> {
  requireOnePlace(options);
  if (options.webPath?.startsWith('/') === false) throw argumentError('--web-path has to begin with /');
  const tls = serverTlsSettings(options);
  const room = descriptorRoom();
  const note = (line: string): void => {
    if (options.quiet !== true) terminal.note(`nbd: ${line}`);
  };
  const pages = createIncomingChannels('the page');
  const offered = new OfferedDevice(pages, options, note);
  const server = createServer({
    exports: offered,
    trace: createClientLog(options, terminal),
    limits: { ...ownDefaults, handshakeMs: handshakeMs + 1000 * options.wait },
  });
  const closers: (() => Promise<void> | void)[] = [];
  try {
    if (options.quiet !== true) noteTls(tls, terminal);
    const webListener = await listenByWeb({ ...options, web }, tls, room, (channel) => {
      note(`a page has connected from ${channel.peer.address ?? channel.peer.name}`);
      pages.add(channel);
    });
    closers.push(() => webListener.close());
    if (tls !== undefined) closers.push(terminal.onHangup(() => reloadWebTls(webListener, tls, terminal)));
    const listeners: Listener[] = [];
    for await (const listener of openListeners({ server, options, inherited: [], room, terminal })) {
      listeners.push(listener);
      closers.push(() => listener.close());
    }
    await announce(listeners, [options.exportName ?? ''], options, undefined, terminal);
    note(`pages connect to ${webListener.url}`);
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    return 0;
  } finally {
    for (const close of closers.reverse()) await close();
    // Requests of clients that wait for a page end with it.
    await Promise.all([server.close(), offered.close()]);
    pages.close();
  }
}
