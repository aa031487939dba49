/** Entries as records. */
import { encodeRecord, type NumberField, encodeNumbers as numbers } from '@nbdjs/kit';
import { frameKinds, type Side } from '../decoding/frame.ts';
import type { RecordingEntry } from './entry.ts';
import { endlessPayload, recordTypes } from './format.ts';

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

const time = (microseconds: number): NumberField => [8, BigInt(Math.round(microseconds))];
const sideNumber = (side: Side): NumberField => [1, side === 'client' ? 0 : 1];

function about(entry: { readonly time: number; readonly connection: number }): Uint8Array {
  return numbers(time(entry.time), [4, entry.connection]);
}

function record(type: keyof typeof recordTypes, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeRecord(recordTypes[type], ...parts);
}
