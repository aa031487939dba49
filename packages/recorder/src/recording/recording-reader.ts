/** Reads a recording back. */
import { UsageError } from '@nbdjs/interfaces';
import { concatenate, crc32c, hexOf } from '@nbdjs/kit';
import { decodeEntry } from './decode-entry.ts';
import type { CutEntry, ReadEntry, RecordingEntry } from './entry.ts';
import {
  recordBodyBytesMax,
  recordHeaderBytes,
  recordingHead,
  recordingMagicBytes,
  recordTrailerBytes,
} from './format.ts';
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
  #left = new Uint8Array(0);
  #position = 0;
  #hasHead = false;
  #hasEnd = false;
  #damage: string | undefined;

  /** Whether nothing more can be read. */
  get isOver(): boolean {
    return this.#damage !== undefined || this.#hasEnd;
  }

  *push(bytes: Uint8Array): Generator<RecordingEntry> {
    // Not a `Buffer`, whose `slice` does not copy.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const given = this.#left.length === 0 ? plain : concatenate([this.#left, plain]);
    let at = 0;
    if (!this.#hasHead) {
      if (given.length < recordingHead.length) {
        this.#left = given.slice();
        return;
      }
      checkHead(given);
      this.#hasHead = true;
      at = recordingHead.length;
    }
    while (!this.isOver) {
      const view = new DataView(given.buffer, given.byteOffset + at, given.length - at);
      if (view.byteLength < recordHeaderBytes) break;
      const bodyBytes = view.getUint32(0);
      if (bodyBytes > recordBodyBytesMax) {
        this.#damage = `a record has ${bodyBytes} bytes, expected at most ${recordBodyBytesMax}`;
        break;
      }
      const end = recordHeaderBytes + bodyBytes;
      if (view.byteLength < end + recordTrailerBytes) break;
      const entry = this.#decode(given.subarray(at, at + end), view.getUint32(end));
      if (this.#damage !== undefined) break;
      at += end + recordTrailerBytes;
      if (entry?.type === 'end') this.#hasEnd = true;
      if (entry !== undefined) yield entry;
    }
    this.#position += at;
    this.#left = given.slice(at);
  }

  /** No more bytes come. */
  end(): CutEntry | undefined {
    if (!this.#hasHead) checkHead(this.#left);
    if (this.#hasEnd) return undefined;
    const torn = this.#left.length > 0 ? 'it ends in the middle of a record' : 'it has no end';
    return { type: 'cut', position: this.#position, reason: this.#damage ?? torn };
  }

  #decode(record: Uint8Array, checksum: number): RecordingEntry | undefined {
    const found = crc32c(record);
    if (found !== checksum) {
      this.#damage = `a record is damaged: its checksum is ${hex(found)}, expected ${hex(checksum)}`;
      return undefined;
    }
    try {
      return decodeEntry(record[4] ?? 0, record.slice(recordHeaderBytes));
    } catch (error) {
      this.#damage = `a record cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      return undefined;
    }
  }
}

const hex = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

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
