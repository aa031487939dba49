/** READ: from the device's own memory where it lends it, else through a buffer; holes are sent as holes. */
import type { MemoryPiece, ReadChunk } from '@nbdjs/interfaces';
import { CommandFlag } from '@nbdjs/protocol';
import { exactly } from '../request-memory.ts';
import type { ServerRequest } from '../server-request.ts';
import type { CommandContext } from './command-context.ts';

/** Shorter reads are not searched for holes. */
const sparseReadMin = 32 * 1024;

export function read(context: CommandContext, request: ServerRequest): void | Promise<void> {
  const { device, buffers, statistics } = context;
  const length = Number(request.length);
  statistics.readBytes += length;
  if (device.memory !== undefined && readViews(context, request, length)) return undefined;
  const memory = buffers.take(length);
  const target = exactly(memory, length);
  const isSparse = context.mode !== 'simple' && length >= sparseReadMin && !request.has(CommandFlag.Df);
  const chunks: ReadChunk[] = [];
  const options = isSparse ? { onChunk: (chunk: ReadChunk): unknown => chunks.push(chunk) } : undefined;
  let reading: void | Promise<void>;
  try {
    reading = device.read(request.offset, target, options);
  } catch (error) {
    buffers.giveBack(memory);
    throw error;
  }
  if (reading === undefined) {
    answer(context, request, target, memory, chunks);
    return undefined;
  }
  return reading.then(
    () => answer(context, request, target, memory, chunks),
    (error: unknown) => {
      buffers.giveBack(memory);
      throw error;
    },
  );
}

/** Answers without a copy, if the device has the bytes in memory. Returns whether it has. */
function readViews({ device, writer, mode }: CommandContext, request: ServerRequest, length: number): boolean {
  const first = device.memory?.view(request.offset, length);
  if (first === undefined) return false;
  if (first instanceof Uint8Array && first.length === length) {
    writer.data(request, first);
    return true;
  }
  const pieces: MemoryPiece[] = [];
  for (let position = 0, piece: MemoryPiece | undefined = first; ; ) {
    if (piece === undefined) return false;
    pieces.push(piece);
    position += piece instanceof Uint8Array ? piece.length : piece.holeBytes;
    if (position >= length) break;
    const offset = typeof request.offset === 'number' ? request.offset + position : request.offset + BigInt(position);
    piece = device.memory?.view(offset, length - position);
  }
  if (request.has(CommandFlag.Df) && mode !== 'simple') return false;
  writer.pieces(request, pieces);
  return true;
}

function answer(
  { writer }: CommandContext,
  request: ServerRequest,
  target: Uint8Array,
  memory: Uint8Array,
  chunks: ReadChunk[],
): void {
  chunks.sort((one, other) => one.position - other.position);
  if (!chunks.some(({ type }) => type === 'hole') || !haveEachByteOnce(chunks, target.length)) {
    writer.data(request, target, memory);
    return;
  }
  const pieces = chunks.map(({ type, position, length }) =>
    type === 'hole' ? { holeBytes: length } : target.subarray(position, position + length),
  );
  writer.pieces(request, pieces);
  writer.giveBackLater(memory);
}

/** Whether chunks, in order, bring each byte exactly once. The reply to a client has to, whatever a device reports. */
function haveEachByteOnce(chunks: readonly ReadChunk[], length: number): boolean {
  let end = 0;
  for (const chunk of chunks) {
    if (chunk.position !== end || chunk.length <= 0) return false;
    end += chunk.length;
  }
  return end === length;
}
