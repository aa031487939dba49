/** The hash of all bytes of a device, in order. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { ReadingOptions } from '../options.ts';
import { copyToStream } from '../streams/copy-to-stream.ts';
import { requireMethod } from '../streams/require-method.ts';
import type { HashReport, StreamingHash } from './streaming-hash.ts';
import { nextTurnOf } from './turns.ts';

/**
 * Hashes all bytes of a device, in order, reading ahead. Holes are hashed as zeroes, and not read.
 *
 * @param createHash makes the hash, such as `() => createHash('sha256')` with that of `node:crypto`
 * @throws errors of the device, or the signal's reason.
 */
export async function hashDevice(
  device: BlockDevice,
  createHash: () => StreamingHash,
  options: ReadingOptions = {},
): Promise<HashReport> {
  requireMethod('createHash', createHash, 'a function that makes a hash');
  const hash = createHash();
  const turn = nextTurnOf(options.nextTurn);
  const { totalBytes, readBytes } = await copyToStream(
    device,
    (chunk) => {
      hash.update(chunk);
      return turn();
    },
    options,
  );
  return { digest: hash.digest(), totalBytes, readBytes };
}
