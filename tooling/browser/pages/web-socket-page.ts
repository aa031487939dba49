/** A page that reads an export over WebSocket, with a progress bar, and writes a file into another one. */
import { connect } from '@nbdjs/client/core';
import { copyDevice } from '@nbdjs/copy';
import { createBlobDevice } from '@nbdjs/storage/blob';
import { webSocketOpener } from '@nbdjs/websocket';
import { patternPiece, pieceBytes } from './pattern.ts';
import { report } from './report.ts';

void report(async () => {
  const opener = webSocketOpener(`ws://${location.host}/nbd`);
  const options = { reconnectDelayMs: 20_000 };
  const source = await connect({ ...opener, exportName: 'source' }, options);
  const size = Number(source.geometry.size);
  const bar = document.body.appendChild(document.createElement('progress'));
  bar.max = size;

  const startMs = performance.now();
  let position = 0;
  let wrong = 0;
  for await (const bytes of source.readable({ requestSize: pieceBytes })) {
    const piece = patternPiece(position / pieceBytes);
    if (bytes.length !== piece.length || bytes.some((byte, index) => byte !== piece[index])) wrong++;
    position += bytes.length;
    bar.value = position;
  }
  const readSeconds = (performance.now() - startMs) / 1000;

  const pieces = Array.from({ length: 32 }, (_, index) => patternPiece(index));
  const target = await connect({ ...opener, exportName: 'target' }, options);
  await copyDevice(createBlobDevice(new File(pieces, 'disk.img')), target);
  await Promise.all([source.close(), target.close()]);
  return { wrong, progress: bar.position, mebibytesPerSecond: Math.round(size / 2 ** 20 / readSeconds) };
});
