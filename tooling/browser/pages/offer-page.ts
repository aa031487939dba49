/** A page that offers a file: it opens a WebSocket, and is the server of whoever is at its other end. Comes back when it is cut off. */
import { createServer } from '@nbdjs/server/core';
import { createBlobDevice } from '@nbdjs/storage/blob';
import { openWebSocket } from '@nbdjs/websocket';
import { patternPiece } from './pattern.ts';
import { report } from './report.ts';

const connectionsMax = 20;

void report(async () => {
  const pieces = Array.from({ length: 48 }, (_, index) => patternPiece(index));
  const server = createServer({ exports: { file: createBlobDevice(new File(pieces, 'disk.iso')) } });
  let connections = 0;
  // The other end closes in good order when it has what it wanted, and cuts the connection to see whether the page comes back.
  for (; connections < connectionsMax; connections++) {
    const channel = await openWebSocket(`ws://${location.host}/offer`);
    await server.accept(channel);
    if ((await (await fetch('/done')).text()) === 'yes') break;
  }
  await server.close();
  return { connections: connections + 1, readBytes: server.statistics.readBytes };
});
