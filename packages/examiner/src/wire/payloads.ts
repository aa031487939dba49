/** Payloads of options, good ones and such as no client of good manners sends. */
import { concatenate } from '@nbdjs/kit';
import { encodeName, encodeOption, InfoType, OptionReply } from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import type { Answers } from './haggling.ts';

const text = new TextEncoder();

/** A number of 16 bits on the wire. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

/** A number of 32 bits on the wire. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** The payload of INFO and GO. */
export function infoPayload(name: string, infoTypes: readonly number[] = []): Uint8Array {
  const bytes = encodeName(name);
  return concatenate([u32(bytes.length), bytes, u16(infoTypes.length), ...infoTypes.map(u16)]);
}

/** The payload of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function contextPayload(name: string, queries: readonly string[] = []): Uint8Array {
  const bytes = encodeName(name);
  const counted = queries.flatMap((query) => {
    const encoded = text.encode(query);
    return [u32(encoded.length), encoded];
  });
  return concatenate([u32(bytes.length), bytes, u32(queries.length), ...counted]);
}

/** What a server tells of an export. */
export interface Facts {
  /** In bytes. */
  readonly size: bigint;
  readonly transmissionFlags: number;
  /** As they were sent, checked or not; `undefined` where none were sent. */
  readonly blockSizes: { readonly minimum: number; readonly preferred: number; readonly maximum: number } | undefined;
}

/** Reads the information in the replies to INFO or GO, and holds it to its lengths. */
export function factsOf({ parts, final }: Answers): Facts | undefined {
  let facts: Facts | undefined;
  let blockSizes: Facts['blockSizes'];
  for (const { payload } of parts) {
    if (payload.length < 2) throw new Fault(`an INFO reply has ${payload.length} bytes, expected 2 at least`);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const kind = view.getUint16(0);
    if (kind === InfoType.Export) {
      requireLength(payload, 12, 'NBD_INFO_EXPORT');
      facts = { size: view.getBigUint64(2), transmissionFlags: view.getUint16(10), blockSizes: undefined };
    } else if (kind === InfoType.BlockSize) {
      requireLength(payload, 14, 'NBD_INFO_BLOCK_SIZE');
      blockSizes = { minimum: view.getUint32(2), preferred: view.getUint32(6), maximum: view.getUint32(10) };
    }
  }
  if (final.type === OptionReply.Ack && facts === undefined) {
    throw new Fault('it is acknowledged without NBD_INFO_EXPORT', { level: 'MUST', rule: 'S7' });
  }
  return facts === undefined ? undefined : { ...facts, blockSizes };
}

function requireLength(payload: Uint8Array, length: number, what: string): void {
  if (payload.length === length) return;
  throw new Fault(`${what} has ${payload.length} bytes, expected ${length}`, { level: 'MUST', rule: 'S7' });
}

/** The contexts in the replies to LIST_META_CONTEXT or SET_META_CONTEXT. */
export function contextsOf({ parts }: Answers): readonly { readonly id: number; readonly name: string }[] {
  return parts.map(({ payload }) => {
    if (payload.length < 5) {
      throw new Fault(`a META_CONTEXT reply has ${payload.length} bytes, expected an id and a name`, { level: 'MUST' });
    }
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    return { id: view.getUint32(0), name: new TextDecoder().decode(payload.subarray(4)) };
  });
}

/** Encodes an option whose header says another length than its payload has. */
export function lyingOption(option: number, length: number, payload: Uint8Array): Uint8Array {
  const honest = encodeOption(option);
  new DataView(honest.buffer).setUint32(honest.length - 4, length);
  return concatenate([honest, payload]);
}
