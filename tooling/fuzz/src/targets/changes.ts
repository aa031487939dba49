/** Files of changes: what is applied to a copy has passed all checks, whatever the bytes are. */
import { createHash } from 'node:crypto';
import { applyChanges, type ChangesEntry, readChanges, writeChanges } from '@nbdjs/copy';
import { isNbdError } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { insist, type Target } from '../target.ts';

const size = 20_000;
const sha256 = () => createHash('sha256');
const messageMax = 2000;

/** A small disk with data and zeroes, as files of two kinds. */
async function goodFile(minimumBytes: number): Promise<Uint8Array> {
  const device = createMemoryDevice({ size });
  device.write(0, new Uint8Array(3000).fill(7));
  device.write(size - minimumBytes, new Uint8Array(minimumBytes).fill(9));
  const chunks: Uint8Array[] = [];
  const origin = { id: 'a'.repeat(32), parent: 'b'.repeat(32), created: 'then', createHash: sha256 };
  await writeChanges(device, (chunk) => void chunks.push(chunk), origin);
  return new Uint8Array(Buffer.concat(chunks));
}

const corpus = await Promise.all([goodFile(100), goodFile(9000)]);

function* pieces(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** Insists on what a reader promises of what it yields. */
async function* watched(entries: AsyncIterable<ChangesEntry>): AsyncGenerator<ChangesEntry> {
  let doneUpTo = 0n;
  let last: ChangesEntry['type'] | undefined;
  for await (const entry of entries) {
    insist((entry.type === 'start') === (last === undefined), 'a start that is not the first');
    insist(last !== 'end', 'something behind the end');
    last = entry.type;
    if (entry.type === 'data' || entry.type === 'zeroes') {
      const length = entry.type === 'data' ? BigInt(entry.bytes.length) : entry.length;
      insist(length > 0n && entry.offset >= doneUpTo, 'changes that are not in order');
      doneUpTo = entry.offset + length;
    }
    yield entry;
  }
  insist(last === 'end', 'an end without an end');
}

export const changes: Target = {
  name: 'changes',
  corpus: () => corpus,
  async run({ seed, bytes }) {
    const copy = createMemoryDevice({ size });
    try {
      await applyChanges(watched(readChanges(pieces(bytes, 1 + (seed % 5000)), sha256)), copy);
    } catch (error) {
      if (!isNbdError(error)) throw error;
      insist(error.message.length < messageMax, 'a message without end');
      insist(!/\p{Cc}/u.test(error.message), 'a message with control characters');
    }
  },
};
