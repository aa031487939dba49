/** Copying a device to a stream of bytes. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { checkDevice } from '@nbdjs/kit';
import { type CopyOptions, resolveOptions } from '../options.ts';
import type { CopyReport } from '../report.ts';
import { readInOrder } from './ordered-reader.ts';
import { requireMethod } from './require-method.ts';

/** Takes bytes in order. The chunk is lent until the answer settles. */
export type StreamSink = (chunk: Uint8Array) => void | Promise<void>;

/**
 * Hands all bytes of a device to a sink, in order, reading ahead. Holes are not read but come as zeroes.
 *
 * @throws errors of the device or the sink, or the signal's reason.
 */
export async function copyToStream(
  source: BlockDevice,
  sink: StreamSink,
  options: CopyOptions = {},
): Promise<CopyReport> {
  checkDevice('copy', 'the source', source);
  requireMethod('the sink', sink, 'a function that takes chunks');
  const settings = resolveOptions(options, [source]);
  const { requestSize, signal, onProgress } = settings;
  const { size } = source.geometry;
  const zeroes = new Uint8Array(requestSize);
  let doneBytes = 0n;

  const emit = async (chunk: Uint8Array): Promise<void> => {
    await sink(chunk);
    doneBytes += BigInt(chunk.length);
    onProgress?.({ doneBytes, totalBytes: size });
  };
  const emitZeroes = async (length: bigint): Promise<void> => {
    for (let left = length; left > 0n; left -= BigInt(requestSize)) {
      signal?.throwIfAborted();
      await emit(left < requestSize ? zeroes.subarray(0, Number(left)) : zeroes);
    }
  };

  const readBytes = await readInOrder(source, settings, { data: emit, zeroes: emitZeroes });
  return { totalBytes: size, readBytes, writtenBytes: doneBytes, zeroedBytes: 0n, skippedBytes: 0n };
}
