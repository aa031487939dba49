/** The bodies of records. Errors are plain ones; the decoder says where they were. */
import type { ChangedData, ChangedZeroes, ChangesEnd, ChangesStart } from './entry.ts';
import { changesIdForm, changesSizeMax, dataHeaderBytes, endBodyBytes, notCompressed } from './format.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
/** Texts in the start are for people, and are no longer than this. */
const textLengthMax = 8192;

type StartMembers = Partial<
  Record<'size' | 'blockSize' | 'id' | 'parent' | 'full' | 'created' | 'source' | 'context', unknown>
>;

/** @throws Error for what is no start. */
export function readStart(body: Uint8Array): ChangesStart {
  const value: unknown = JSON.parse(decoder.decode(body));
  if (typeof value !== 'object' || value === null) throw new Error('the start is no object');
  const { full = false, blockSize, size, id, parent, created, source, context } = value as StartMembers;
  if (typeof full !== 'boolean') throw new Error('full is not true or false');
  if (typeof blockSize !== 'number' || !Number.isSafeInteger(blockSize) || blockSize < 1) {
    throw new Error('blockSize is no number of bytes');
  }
  return {
    type: 'start',
    size: sizeOf(size),
    blockSize,
    id: requireId('id', id),
    parent: parent === undefined ? undefined : requireId('parent', parent),
    isFull: full,
    created: requireText('created', created),
    source: source === undefined ? undefined : requireText('source', source),
    context: context === undefined ? undefined : requireText('context', context),
  };
}

/** @throws Error for what is no data. */
export function readData(body: Uint8Array): ChangedData {
  if (body.length <= dataHeaderBytes)
    throw new Error(`data has ${body.length} bytes, expected more than ${dataHeaderBytes}`);
  const compression = body[8];
  if (compression !== notCompressed) throw new Error(`data is compressed in way ${compression}, which is not known`);
  return { type: 'data', offset: viewOf(body).getBigUint64(0), bytes: body.subarray(dataHeaderBytes) };
}

/** @throws Error for what are no zeroes. */
export function readZeroes(body: Uint8Array): ChangedZeroes {
  if (body.length !== 16) throw new Error(`zeroes have ${body.length} bytes, expected 16`);
  const view = viewOf(body);
  return { type: 'zeroes', offset: view.getBigUint64(0), length: view.getBigUint64(8) };
}

/** @throws Error for what is no end. */
export function readEnd(body: Uint8Array): Omit<ChangesEnd, 'type'> & { readonly digest: Uint8Array } {
  if (body.length !== endBodyBytes) throw new Error(`the end has ${body.length} bytes, expected ${endBodyBytes}`);
  const view = viewOf(body);
  return {
    changes: view.getBigUint64(0),
    dataBytes: view.getBigUint64(8),
    zeroBytes: view.getBigUint64(16),
    digest: body.subarray(24),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function sizeOf(value: unknown): bigint {
  const size = typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (size === undefined || size > changesSizeMax) throw new Error('size is no number of bytes');
  return size;
}

function requireId(name: string, value: unknown): string {
  if (typeof value === 'string' && changesIdForm.test(value)) return value;
  throw new Error(`${name} is no id of 32 hexadecimal digits`);
}

function requireText(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= textLengthMax) return value;
  throw new Error(`${name} is no text of at most ${textLengthMax} characters`);
}
