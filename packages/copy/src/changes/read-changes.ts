/** Reading a file of changes. */
import { UsageError } from '@nbdjs/interfaces';
import type { StreamingHash } from '../hashing/streaming-hash.ts';
import { requireMethod } from '../streams/require-method.ts';
import { ChangesDecoder } from './changes-decoder.ts';
import type { ChangesEnd, ChangesEntry, ChangesStart } from './entry.ts';

/**
 * Yields what a file of changes consists of, the end last. Each change has passed its checksum; only when the end has come, it is known that
 * all of them were there. Keeps one record, of little more than 1 MiB.
 *
 * @param source The bytes, cut in any way.
 * @param createHash makes a SHA-256, such as `() => createHash('sha256')` with that of `node:crypto`
 * @throws UsageError for what is no file of changes, or one of another version; CommandError `EIO` for one that is damaged or cut; errors of
 * the source.
 */
export async function* readChanges(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  createHash: () => StreamingHash,
): AsyncGenerator<ChangesEntry, void, void> {
  requireMethod('createHash', createHash, 'a function that makes a hash');
  const decoder = new ChangesDecoder(createHash());
  for await (const bytes of source) yield* decoder.push(bytes);
  decoder.end();
}

/** What a file of changes is, when all of it has been read. */
export interface CheckedChanges {
  /** Of which disk and which backup it is. */
  readonly start: ChangesStart;
  /** How much there is. */
  readonly end: ChangesEnd;
}

/**
 * Reads all of a file of changes without applying it.
 *
 * @throws as `readChanges` does.
 */
export async function checkChanges(entries: AsyncIterable<ChangesEntry>): Promise<CheckedChanges> {
  const found: { start?: ChangesStart; end?: ChangesEnd } = {};
  for await (const entry of entries) {
    if (entry.type === 'start') found.start = entry;
    else if (entry.type === 'end') found.end = entry;
  }
  const { start, end } = found;
  if (start !== undefined && end !== undefined) return { start, end };
  throw new UsageError('ERR_NBD_ARGUMENT', 'the entries are not those of readChanges: start or end is missing');
}
