/** A page that offers a file, as for virtual media: an NBD server in the browser, over a WebSocket that the page opens. */
import { createServer } from '@nbdjs/server/core';
import { createBlobDevice } from '@nbdjs/storage/blob';
import { type StayEvent, stayConnected, webSocketOpener } from '@nbdjs/websocket';

const report = (event: StayEvent | { readonly type: 'done' }): void => {
  void fetch('/event', { method: 'POST', body: event.type });
};

const { relay, token } = (await (await fetch('/settings.json')).json()) as { relay: string; token: string };
const file = await (await fetch('/disk.img')).blob();
const server = createServer({ exports: { '': createBlobDevice(file) } });
const opener = webSocketOpener(relay, { protocols: ['nbd', token] });
await stayConnected(opener, (channel) => void server.accept(channel), { onEvent: report, firstDelayMs: 50 });
report({ type: 'done' });
