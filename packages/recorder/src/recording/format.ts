/**
 * The format of recordings, which docs/recordings.md describes: a head, and the records of `@nbdjs/kit`.
 */
import type { RecordingEntry } from './entry.ts';

/** `NBDREC` and the version. */
export const recordingHead: Uint8Array = Uint8Array.of(0x4e, 0x42, 0x44, 0x52, 0x45, 0x43, 0, 1);

/** Of the head, the part that is the same in all versions. */
export const recordingMagicBytes = 6;

/** The types of records, which stand in the file as ASCII. */
export const recordTypes = {
  start: 0x53,
  open: 0x4f,
  frame: 0x4d,
  payload: 0x50,
  'frame-end': 0x45,
  fault: 0x46,
  'side-end': 0x48,
  close: 0x43,
  end: 0x5a,
} as const satisfies Readonly<Record<RecordingEntry['type'], number>>;

/** No record has a longer body. Longer pieces of payload are cut. */
export const recordBodyBytesMax = 17 * 2 ** 20;
/** A record with a piece of payload has at most this many bytes of it. */
export const pieceBytesMax = 2 ** 20;

/** Stands for a payload up to the end of the stream. */
export const endlessPayload = 0xffff_ffff_ffff_ffffn;
