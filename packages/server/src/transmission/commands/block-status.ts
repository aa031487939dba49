/** BLOCK_STATUS: the extents of the metadata contexts that were selected, or of those that the request names. */
import { limits, type MetaContextExtents, type SelectedContext } from '@nbdjs/interfaces';
import { CommandFlag } from '@nbdjs/protocol';
import type { ServerRequest } from '../server-request.ts';
import type { CommandContext } from './command-context.ts';
import { extentsInBlocks, wireExtents } from './wire-extents.ts';

/** Bytes of an extent in a reply with extended headers. */
const extentBytes = 16;

export function blockStatus(context: CommandContext, request: ServerRequest): void | Promise<void> {
  const { device, validator } = context;
  const { contextIds } = request;
  const wanted = context.contexts.filter(({ id }) => contextIds?.has(id) ?? true);
  const contexts = wanted.map(({ name }) => name);
  // The first extent may end within a block, and then the next ones are needed, too.
  const one = request.has(CommandFlag.ReqOne) && validator.blockBytes === 1;
  const asked = device.blockStatus(request.offset, request.length, { contexts, one });
  if (!(asked instanceof Promise)) return answer(context, request, wanted, asked);
  return asked.then((extents) => answer(context, request, wanted, extents));
}

/** Bytes of memory that the answer may take. */
export function statusMemoryBytes(context: CommandContext, request: ServerRequest): number {
  const contextCount = request.contextIds?.size ?? context.contexts.length;
  const extentCount = request.has(CommandFlag.ReqOne) ? 1 : Number(request.length);
  const byteCount = Math.min(context.statusBytesMax, extentBytes * contextCount * extentCount);
  return Math.max(request.reservedBytes, byteCount);
}

function answer(
  context: CommandContext,
  request: ServerRequest,
  wanted: readonly SelectedContext[],
  given: readonly MetaContextExtents[],
): void {
  // Nothing is written before all extents are known to be right (S39).
  const byName = new Map(given.map(({ context: name, extents }) => [name, extents]));
  const replies = wanted.map(({ id, name }) => {
    const extents = replyExtents(context, request, name, byName.get(name) ?? [], wanted.length);
    return { id, extents };
  });
  replies.forEach(({ id, extents }, index) => {
    context.writer.blockStatus(request, id, extents, index === replies.length - 1);
  });
}

/** @throws Error when the device does not answer for a context, or with a status that cannot be sent. */
function replyExtents(
  { validator, mode, statusBytesMax }: CommandContext,
  request: ServerRequest,
  name: string,
  given: MetaContextExtents['extents'],
  contextCount: number,
) {
  const start = BigInt(request.offset);
  const end = start + BigInt(request.length);
  const { blockBytes } = validator;
  const countMax = Math.max(1, Math.floor(statusBytesMax / extentBytes / contextCount));
  const whole = blockBytes === 1 ? given : extentsInBlocks(name, given, end, blockBytes);
  const one = request.has(CommandFlag.ReqOne);
  const extents = wireExtents(whole, start, end, one ? 1 : Math.min(countMax, limits.replyExtentsMax));
  if (extents === undefined) throw new Error(`the device does not report the block status of context ${name}`);
  const statusBits = mode === 'extended' ? 64n : 32n;
  if (extents.some(({ status }) => status >> statusBits !== 0n)) {
    throw new Error(`the status of context ${name} has more than 32 bits, which needs extended headers`);
  }
  return extents;
}
