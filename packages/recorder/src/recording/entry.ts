/** What a recording consists of. */
import type { Frame, Side } from '../decoding/frame.ts';

/** How much of the payload of each message is kept: none of it, its SHA-256, or all of it. */
export const payloadKeepings = ['none', 'hash', 'full'] as const;

/** How much of the payload of each message is kept. */
export type PayloadKeeping = (typeof payloadKeepings)[number];

/** The first entry of each part of a recording. */
export interface StartEntry {
  readonly type: 'start';
  /** When the recording began, in ISO 8601; the times of all entries count from there, also in later parts. */
  readonly started: string;
  /** 0 for the first part; parts that a ring has dropped are missing in front. */
  readonly part: number;
  /** Chosen at random, and the same in all parts. */
  readonly id: string;
  /** How much of the payload of each message is kept. */
  readonly payload: PayloadKeeping;
}

/** An entry about a connection. */
interface OfConnection {
  /** Microseconds since the recording began. */
  readonly time: number;
  /** The connection's number, from 1 on. */
  readonly connection: number;
}

/** A client has connected, or is still connected and is named again in a later part, before the first entry about it. */
export interface OpenEntry extends OfConnection {
  readonly type: 'open';
  /** The client, in words. */
  readonly client: string;
  /** The server, in words. */
  readonly server: string;
  /** Whether it was open when this part began. */
  readonly resumed?: boolean | undefined;
}

/** A message begins. */
export interface FrameEntry extends OfConnection {
  readonly type: 'frame';
  /** The message. In what is read back, `request` of a reply is the request as far as it is in the recording. */
  readonly frame: Frame;
}

/** A piece of a message's payload. */
export interface PayloadEntry extends OfConnection {
  readonly type: 'payload';
  /** Which side has sent it. */
  readonly side: Side;
  /** The bytes; of what is read back, in memory that is not used again. */
  readonly bytes: Uint8Array;
}

/** A message with payload is complete. A message without payload has no such entry. */
export interface FrameEndEntry extends OfConnection {
  readonly type: 'frame-end';
  /** Which side has sent it. */
  readonly side: Side;
  /** Bytes of payload that have come. */
  readonly payloadBytes: number;
  /** SHA-256 of the payload, 32 bytes; empty where it was not computed. */
  readonly digest: Uint8Array;
}

/** The proxy has done something to a message. */
export interface FaultEntry extends OfConnection {
  readonly type: 'fault';
  /** The rule and what was done, in one line. */
  readonly text: string;
}

/** A side sends no more. */
export interface SideEndEntry extends OfConnection {
  readonly type: 'side-end';
  /** Which side. */
  readonly side: Side;
}

/** A connection is closed. */
export interface CloseEntry extends OfConnection {
  readonly type: 'close';
  /** Why, in words; empty for an orderly end. */
  readonly reason: string;
}

/** The recording has ended in an orderly way. */
export interface EndEntry {
  readonly type: 'end';
  /** Microseconds since the recording began. */
  readonly time: number;
  /** Whether it has ended because it was as long as it may be. */
  readonly isFull: boolean;
}

/** What can be recorded about a connection. */
export type ConnectionEntry =
  | OpenEntry
  | FrameEntry
  | PayloadEntry
  | FrameEndEntry
  | FaultEntry
  | SideEndEntry
  | CloseEntry;

/** What stands in a recording. */
export type RecordingEntry = StartEntry | ConnectionEntry | EndEntry;

/** What stands behind the last record that could be read, where a recording has no orderly end. */
export interface CutEntry {
  readonly type: 'cut';
  /** Bytes of this part that could be read. */
  readonly position: number;
  /** Why reading ends there, in words. */
  readonly reason: string;
}

/** What a recording gives when it is read. */
export type ReadEntry = RecordingEntry | CutEntry;
