/** A successful block status, held to the rules about its extents. */
import { ChunkType, CommandFlag, chunkErrorBit, chunkTypes } from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import { viewOf } from '../wire/reply-reader.ts';
import { lengthOf } from '../wire/request.ts';
import type { Answer, Session } from '../wire/session.ts';

/** An extent as it came. */
export interface StatusExtent {
  readonly offset: bigint;
  readonly length: bigint;
  readonly status: bigint;
}

/** What is known of the request. */
export interface StatusExpectation {
  /** The contexts that have to answer. @default those that were selected */
  readonly ids?: readonly number[];
  /** In bytes. @default the length in the request */
  readonly length?: bigint;
}

/**
 * Returns the extents of each context, by its number.
 *
 * @throws Fault when there is an error, or a chunk that breaks a rule.
 */
export function statusExtents(
  session: Session,
  answer: Answer,
  expected: StatusExpectation = {},
): ReadonlyMap<number, readonly StatusExtent[]> {
  const { request, form, chunks, error } = answer;
  if (error !== 0) throw new Fault(`BLOCK_STATUS failed with error ${error}`);
  if (form === 'simple') throw broken('a simple reply to BLOCK_STATUS that reports success', 'S38');
  const found = new Map<number, readonly StatusExtent[]>();
  for (const { type, content } of chunks) {
    if (type === ChunkType.None || (type & chunkErrorBit) !== 0) continue;
    if (type !== ChunkType.BlockStatus && type !== ChunkType.BlockStatusExt) {
      throw broken(`BLOCK_STATUS has a chunk ${chunkTypes.name(type)}`, 'S38');
    }
    const id = viewOf(content).getUint32(0);
    if (found.has(id)) throw broken(`two chunks for the context ${id}`, 'S62');
    found.set(id, extentsOf(type, content, request.offset ?? 0n));
  }
  const ids = expected.ids ?? session.contexts.map((context) => context.id);
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw broken(`no chunk for the context ${missing}`, 'S62');
  const excess = [...found.keys()].find((id) => !ids.includes(id));
  if (excess !== undefined) throw broken(`a chunk for the context ${excess}, which was not asked for`, 'S62');
  const length = expected.length ?? lengthOf(request);
  const isOne = ((request.flags ?? 0) & CommandFlag.ReqOne) !== 0;
  for (const extents of found.values()) checkExtents(extents, length, isOne, session);
  return found;
}

function extentsOf(type: number, content: Uint8Array, start: bigint): readonly StatusExtent[] {
  const view = viewOf(content);
  const isExtended = type === ChunkType.BlockStatusExt;
  const [headBytes, extentBytes] = isExtended ? [8, 16] : [4, 8];
  const extents: StatusExtent[] = [];
  let offset = start;
  for (let position = headBytes; position < content.length; position += extentBytes) {
    const length = isExtended ? view.getBigUint64(position) : BigInt(view.getUint32(position));
    const status = isExtended ? view.getBigUint64(position + 8) : BigInt(view.getUint32(position + 4));
    extents.push({ offset, length, status });
    offset += length;
  }
  return extents;
}

function checkExtents(extents: readonly StatusExtent[], length: bigint, isOne: boolean, { facts }: Session): void {
  const minimum = BigInt(facts.blockSizes?.minimum ?? 1);
  if (isOne && extents.length !== 1) throw broken(`${extents.length} extents with REQ_ONE`, 'S62');
  const [first] = extents;
  if (isOne && first !== undefined && first.length > length) {
    throw broken(`with REQ_ONE the extent has ${first.length} bytes, and ${length} were asked for`, 'S62');
  }
  let sum = 0n;
  for (const [index, extent] of extents.entries()) {
    if (extent.length === 0n) throw broken(`extent ${index + 1} is empty`, 'S62');
    // The last block of an export may be shorter than the others.
    const isLast = extent.offset + extent.length === facts.size;
    if (minimum > 1n && extent.length % minimum !== 0n && !isLast) {
      throw broken(`an extent of ${extent.length} bytes is no multiple of the minimum block, ${minimum}`, 'S62');
    }
    sum += extent.length;
    if (index < extents.length - 1 && sum >= length) {
      throw broken(`extent ${index + 2} begins at or after the end of the request`, 'S62');
    }
  }
}

function broken(message: string, rule: string): Fault {
  return new Fault(message, { level: 'MUST', rule });
}
