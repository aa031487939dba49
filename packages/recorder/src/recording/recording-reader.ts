/** Reads a recording back. */
import { UsageError } from '@nbdjs/interfaces';
import { hexOf, RecordSplitter } from '@nbdjs/kit';
import { decodeEntry } from './decode-entry.ts';
import type { CutEntry, ReadEntry, RecordingEntry } from './entry.ts';
import { recordBodyBytesMax, recordingHead, recordingMagicBytes } from './format.ts';
import { matchRequests } from './request-matcher.ts';

/**
 * Yields the entries of one part of a recording. One that was cut yields all that is whole in it, and a `CutEntry` at the end, as does a
 * damaged one: there is no way to find the record behind the damage that could be relied on. Keeps one record, of 17 MiB at most.
 *
 * @param source The bytes, cut in any way.
 * @throws UsageError for what is no recording, or one of another version.
 */
export async function* readRecording(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<ReadEntry, void, void> {
  yield* matchRequests(readRecords(source));
}

/** The same, while replies do not know their requests yet. */
export async function* readRecords(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<ReadEntry, void, void> {
  const reader = new RecordReader();
  for await (const bytes of source) {
    yield* reader.push(bytes);
    if (reader.isOver) break;
  }
  const cut = reader.end();
  if (cut !== undefined) yield cut;
}

class RecordReader {
  readonly #head = new Uint8Array(recordingHead.length);
  #headFilled = 0;
  readonly #records = new RecordSplitter({ position: recordingHead.length, bodyBytesMax: recordBodyBytesMax });
  /** Where the first record begins that could not be read. */
  #position = 0;
  #hasEnd = false;
  #damage: string | undefined;

  /** Whether nothing more can be read. */
  get isOver(): boolean {
    return this.#damage !== undefined || this.#hasEnd;
  }

  *push(bytes: Uint8Array): Generator<RecordingEntry> {
    const left = this.#takeHead(bytes);
    if (left.length === 0) return;
    for (const { type, body } of this.#records.push(left)) {
      const entry = this.#decode(type, body);
      if (this.#damage !== undefined) return;
      this.#position = this.#records.position;
      if (entry?.type === 'end') this.#hasEnd = true;
      if (entry !== undefined) yield entry;
      if (this.#hasEnd) return;
    }
    this.#damage = this.#records.damage;
  }

  /** No more bytes come. */
  end(): CutEntry | undefined {
    if (this.#headFilled < this.#head.length) checkHead(this.#head.subarray(0, this.#headFilled));
    if (this.#hasEnd) return undefined;
    const torn = this.#records.isWithin ? 'it ends in the middle of a record' : 'it has no end';
    return { type: 'cut', position: this.#position, reason: this.#damage ?? torn };
  }

  /** Returns what follows the head. */
  #takeHead(bytes: Uint8Array): Uint8Array {
    if (this.#headFilled === this.#head.length) return bytes;
    const part = bytes.subarray(0, this.#head.length - this.#headFilled);
    this.#head.set(part, this.#headFilled);
    this.#headFilled += part.length;
    if (this.#headFilled < this.#head.length) return bytes.subarray(part.length);
    checkHead(this.#head);
    this.#position = this.#head.length;
    return bytes.subarray(part.length);
  }

  #decode(type: number, body: Uint8Array): RecordingEntry | undefined {
    try {
      return decodeEntry(type, body);
    } catch (error) {
      this.#damage = `a record cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      return undefined;
    }
  }
}

function checkHead(bytes: Uint8Array): void {
  const isOurs = recordingHead.subarray(0, recordingMagicBytes).every((byte, index) => byte === bytes[index]);
  if (!isOurs || bytes.length < recordingHead.length) {
    const begins = bytes.length === 0 ? 'it is empty' : `it begins with 0x${hexOf(bytes.subarray(0, 8))}`;
    throw new UsageError('ERR_NBD_ARGUMENT', `not a recording of NBD: ${begins}, expected NBDREC and a version`);
  }
  const version = (bytes[6] ?? 0) * 256 + (bytes[7] ?? 0);
  if (version !== 1) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `the recording has version ${version}, expected 1`);
  }
}
