/** Entries as records. */
import { RecordWriter } from '@nbdjs/kit';
import { type FrameKind, frameKinds, type Side } from '../decoding/frame.ts';
import type { FrameEntry, RecordingEntry } from './entry.ts';
import { endlessPayload, recordTypes } from './format.ts';

const encoder = new TextEncoder();
const noBytes = new Uint8Array(0);

/** The numbers of kinds in recordings. */
const kindNumbers = Object.fromEntries(frameKinds.map((kind, index) => [kind, index])) as Record<FrameKind, number>;

/** Encodes one entry after the other. */
export class EntryEncoder {
  readonly #writer = new RecordWriter();

  /** Returns an entry as a record, in memory that the next one uses again. */
  encode(entry: RecordingEntry): Uint8Array {
    switch (entry.type) {
      case 'start': {
        const { type, ...rest } = entry;
        return this.#writer.begin(recordTypes[type]).bytes(json(rest)).finish();
      }
      case 'end':
        return this.#writer
          .begin(recordTypes.end)
          .uint64(Math.round(entry.time))
          .uint8(entry.isFull ? 1 : 0)
          .finish();
      case 'open': {
        const { type: _, time: __, connection: ___, ...rest } = entry;
        return this.#about(entry).bytes(json(rest)).finish();
      }
      case 'frame':
        return this.#frame(entry);
      case 'payload':
        return this.#about(entry).uint8(sideNumber(entry.side)).bytes(entry.bytes).finish();
      case 'frame-end':
        return this.#about(entry).uint8(sideNumber(entry.side)).uint64(entry.payloadBytes).bytes(entry.digest).finish();
      case 'side-end':
        return this.#about(entry).uint8(sideNumber(entry.side)).finish();
      case 'fault':
        return this.#about(entry).bytes(encoder.encode(entry.text)).finish();
      case 'close':
        return this.#about(entry).bytes(encoder.encode(entry.reason)).finish();
    }
  }

  #frame(entry: FrameEntry): Uint8Array {
    const { side, kind, wire, payloadBytes, note } = entry.frame;
    const noteBytes = note === undefined ? noBytes : encoder.encode(note);
    return this.#about(entry)
      .uint8(sideNumber(side))
      .uint8(kindNumbers[kind])
      .uint64(Number.isFinite(payloadBytes) ? payloadBytes : endlessPayload)
      .uint16(noteBytes.length)
      .bytes(noteBytes)
      .bytes(wire)
      .finish();
  }

  /** Begins a record with what all entries about a connection begin with. */
  #about(entry: {
    readonly type: keyof typeof recordTypes;
    readonly time: number;
    readonly connection: number;
  }): RecordWriter {
    return this.#writer.begin(recordTypes[entry.type]).uint64(Math.round(entry.time)).uint32(entry.connection);
  }
}

function json(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function sideNumber(side: Side): number {
  return side === 'client' ? 0 : 1;
}
