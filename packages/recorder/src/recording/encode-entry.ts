/** Entries as records. */
import { crc32c } from '@nbdjs/kit';
import { frameKinds, type Side } from '../decoding/frame.ts';
import type { RecordingEntry } from './entry.ts';
import { endlessPayload, recordHeaderBytes, recordTrailerBytes, recordTypes } from './format.ts';

const encoder = new TextEncoder();

/** Returns an entry as a record, in new memory. */
export function encodeEntry(entry: RecordingEntry): Uint8Array {
  switch (entry.type) {
    case 'start': {
      const { type, ...rest } = entry;
      return record(type, encoder.encode(JSON.stringify(rest)));
    }
    case 'end':
      return record('end', numbers(time(entry.time), [1, entry.isFull ? 1 : 0]));
    case 'open': {
      const { type, time: _, connection, ...rest } = entry;
      return record(type, about(entry), encoder.encode(JSON.stringify(rest)));
    }
    case 'frame': {
      const { side, kind, wire, payloadBytes, note = '' } = entry.frame;
      const noteBytes = encoder.encode(note);
      const payload = Number.isFinite(payloadBytes) ? BigInt(payloadBytes) : endlessPayload;
      const head = numbers(sideNumber(side), [1, frameKinds.indexOf(kind)], [8, payload], [2, noteBytes.length]);
      return record('frame', about(entry), head, noteBytes, wire);
    }
    case 'payload':
      return record('payload', about(entry), numbers(sideNumber(entry.side)), entry.bytes);
    case 'frame-end':
      return record(
        'frame-end',
        about(entry),
        numbers(sideNumber(entry.side), [8, BigInt(entry.payloadBytes)]),
        entry.digest,
      );
    case 'side-end':
      return record('side-end', about(entry), numbers(sideNumber(entry.side)));
    case 'fault':
      return record('fault', about(entry), encoder.encode(entry.text));
    case 'close':
      return record('close', about(entry), encoder.encode(entry.reason));
  }
}

/** A number and the bytes that it takes. */
type Field = readonly [byteCount: 1 | 2 | 4 | 8, value: number | bigint];

const time = (microseconds: number): Field => [8, BigInt(Math.round(microseconds))];
const sideNumber = (side: Side): Field => [1, side === 'client' ? 0 : 1];

function about(entry: { readonly time: number; readonly connection: number }): Uint8Array {
  return numbers(time(entry.time), [4, entry.connection]);
}

function numbers(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [byteCount]) => sum + byteCount, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [byteCount, value] of fields) {
    if (byteCount === 8) view.setBigUint64(at, BigInt(value));
    else if (byteCount === 4) view.setUint32(at, Number(value));
    else if (byteCount === 2) view.setUint16(at, Number(value));
    else view.setUint8(at, Number(value));
    at += byteCount;
  }
  return bytes;
}

function record(type: keyof typeof recordTypes, ...parts: readonly Uint8Array[]): Uint8Array {
  const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(recordHeaderBytes + bodyBytes + recordTrailerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bodyBytes);
  view.setUint8(4, recordTypes[type]);
  let at = recordHeaderBytes;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32c(bytes.subarray(0, at)));
  return bytes;
}
