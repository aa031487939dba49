/** Moving much data, several requests at a time. */
import type { NbdClient } from '@nbdjs/client/core';

/** One request. */
const pieceBytes = 1024 * 1024;

/** Requests in flight. */
const piecesAhead = 8;

export type OnProgress = (doneBytes: number, allBytes: number) => void;

/** Reads a disk from its start to its end, and gives its pieces in order. */
export async function readAll(
  disk: NbdClient,
  onPiece: (piece: Uint8Array) => void,
  onProgress: OnProgress,
): Promise<void> {
  const size = Number(disk.geometry.size);
  const ahead: Promise<Uint8Array>[] = [];
  let asked = 0;
  for (let done = 0; done < size; ) {
    for (; ahead.length < piecesAhead && asked < size; asked += pieceBytes) {
      const piece = disk.readBytes(asked, Math.min(pieceBytes, size - asked));
      // An error is met in its turn.
      piece.catch(() => {});
      ahead.push(piece);
    }
    const piece = (await ahead.shift()) as Uint8Array;
    onPiece(piece);
    done += piece.length;
    onProgress(done, size);
  }
}

/** Writes a file to a disk from an offset on, and has the server put it on stable storage. */
export async function writeFile(disk: NbdClient, file: Blob, offset: number, onProgress: OnProgress): Promise<void> {
  const ahead: Promise<void>[] = [];
  let done = 0;
  for (let at = 0; at < file.size; at += pieceBytes) {
    const piece = new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer());
    if (ahead.length === piecesAhead) await ahead.shift();
    const written = Promise.resolve(disk.write(offset + at, piece)).then(() => {
      done += piece.length;
      onProgress(done, file.size);
    });
    written.catch(() => {});
    ahead.push(written);
  }
  await Promise.all(ahead);
  await disk.flush();
}
