/** A thread that compresses: what it is asked, what it answers, and its work. */
import { parentPort } from 'node:worker_threads';
import { nodeZstd } from './node-zstd.ts';

/** Pieces of bytes behind each other, in one memory: each memory that changes hands costs time. */
export interface Pieces {
  readonly bytes: Uint8Array;
  /** Of each piece. */
  readonly lengths: readonly number[];
}

/** Pieces that are compressed one after the other; they belong to the thread. */
export interface CompressionOrder extends Pieces {
  readonly id: number;
  readonly level: number | undefined;
}

/** The answer to one order. */
export type CompressionReport = ({ readonly id: number } & Pieces) | { readonly id: number; readonly error: string };

/**
 * Makes the thread that it is called in one of `createCompressionThreads`.
 *
 * @throws Error in the main thread.
 */
export function serveCompression(): void {
  const port = parentPort;
  if (port === null) throw new Error('serveCompression: this is no thread');
  let last: Promise<void> = Promise.resolve();
  port.on('message', (order: CompressionOrder) => {
    last = last.then(async () => {
      const report = await carryOut(order);
      port.postMessage(report, 'error' in report ? [] : [report.bytes.buffer as ArrayBuffer]);
    });
  });
}

async function carryOut({ id, level, ...pieces }: CompressionOrder): Promise<CompressionReport> {
  try {
    const packed: Uint8Array[] = [];
    for (const piece of splitPieces(pieces)) packed.push(await nodeZstd.compress(piece, level));
    return { id, ...joinPieces(packed) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Copies pieces behind each other. */
export function joinPieces(pieces: readonly Uint8Array[]): Pieces {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, lengths: pieces.map((piece) => piece.length) };
}

/** The pieces, as views. */
export function splitPieces({ bytes, lengths }: Pieces): readonly Uint8Array[] {
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return bytes.subarray(at - length, at);
  });
}
