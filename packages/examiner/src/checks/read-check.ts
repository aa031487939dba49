/** A successful read, put together chunk by chunk and held to the rules about its content. */
import { IntervalSet } from '@nbdjs/kit';
import { ChunkType, CommandFlag, chunkErrorBit, chunkTypes } from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import { viewOf } from '../wire/reply-reader.ts';
import { lengthOf } from '../wire/request.ts';
import type { Answer } from '../wire/session.ts';

/**
 * Returns the bytes that were read.
 *
 * @throws Fault when there is an error, or a chunk that does not belong to the read.
 */
export function readBytes(answer: Answer): Uint8Array {
  if (answer.error !== 0) throw new Fault(`the read failed with error ${answer.error}`);
  return contentOf(answer);
}

/** The bytes that came, whether there is an error or not. */
export function contentOf({ request, form, data, chunks, error }: Answer): Uint8Array {
  if (form === 'simple') return data;
  const { offset = 0n, flags = 0 } = request;
  const length = lengthOf(request);
  const bytes = new Uint8Array(Number(length));
  const covered = new IntervalSet<bigint>();
  let count = 0;
  for (const { type, content } of chunks) {
    if (type === ChunkType.None || (type & chunkErrorBit) !== 0) continue;
    const name = chunkTypes.name(type);
    if (type !== ChunkType.OffsetData && type !== ChunkType.OffsetHole) throw broken(`READ has a chunk ${name}`, 'S38');
    count++;
    const view = viewOf(content);
    const [start, size] = [view.getBigUint64(0), contentSize(type, content)];
    const end = start + BigInt(size);
    if (start < offset || end > offset + length) {
      throw broken(
        `${name} covers ${start} to ${end}, outside of the request (${offset} to ${offset + length})`,
        'S41',
      );
    }
    if (!covered.insert(start, end)) throw broken(`${name} at ${start} overlaps an earlier chunk`, 'S41');
    if (type === ChunkType.OffsetData) bytes.set(content.subarray(8), Number(start - offset));
  }
  const [whole] = covered.cover(offset, offset + length);
  if (error === 0 && whole !== undefined && length > 0n) {
    throw broken(`no chunk covers ${whole[0]} to ${whole[1]}, and there is no error`, 'S42');
  }
  if ((flags & CommandFlag.Df) !== 0 && count > 1) throw broken(`${count} chunks of content with DF`, 'S46');
  return bytes;
}

function contentSize(type: number, content: Uint8Array): number {
  return type === ChunkType.OffsetData ? content.length - 8 : viewOf(content).getUint32(8);
}

function broken(message: string, rule: string): Fault {
  return new Fault(message, { level: 'MUST', rule });
}
