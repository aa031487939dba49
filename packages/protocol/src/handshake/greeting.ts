/**
 * The first messages of both sides ("Oldstyle negotiation", "Newstyle negotiation"), and the server's answer to
 * `NBD_OPT_EXPORT_NAME`, which is the only one without a header.
 */
import { HandshakeMagic, reservedZeroBytes } from '../constants/magic.ts';
import { PayloadWriter } from './payload-writer.ts';

/** The first message of a server. */
export type Greeting =
  | { readonly style: 'newstyle' /** 16 bits, see `HandshakeFlag`. */; readonly handshakeFlags: number }
  | ({ readonly style: 'oldstyle' } & OldstyleExport);

/** Everything that an oldstyle server sends about its only export. */
export interface OldstyleExport {
  /** In bytes. */
  readonly size: bigint;
  /** Upper half of the flags word. An oldstyle server leaves it zero (S1). */
  readonly handshakeFlags: number;
  /** Lower half of the flags word, see `TransmissionFlag`. */
  readonly transmissionFlags: number;
}

/** Lengths in bytes of the pieces that a client reads one after the other. */
export const GreetingBytes = {
  /** `NBDMAGIC`. */
  initialMagic: 8,
  /** `IHAVEOPT` or the oldstyle magic. */
  serverMagic: 8,
  /** Newstyle only. */
  handshakeFlags: 2,
  /** Oldstyle only: size, flags, zeroes. */
  oldstyleExport: 8 + 4 + reservedZeroBytes,
  /** Client's flags, newstyle only. */
  clientFlags: 4,
} as const;

/** The server's first bytes: 18 when newstyle, 152 when oldstyle. */
export function encodeGreeting(greeting: Greeting): Uint8Array {
  const writer = new PayloadWriter().u64(HandshakeMagic.Init);
  if (greeting.style === 'newstyle') return writer.u64(HandshakeMagic.Option).u16(greeting.handshakeFlags).finish();
  return writer
    .u64(HandshakeMagic.Oldstyle)
    .u64(greeting.size)
    .u16(greeting.handshakeFlags)
    .u16(greeting.transmissionFlags)
    .zeroes(reservedZeroBytes)
    .finish();
}

/** Whether these 8 bytes are those of an NBD server. */
export function isInitialMagic(bytes: Uint8Array): boolean {
  return viewOf(bytes).getBigUint64(0) === HandshakeMagic.Init;
}

/** Which handshake the second 8 bytes announce; `undefined` when it is none. */
export function decodeServerMagic(bytes: Uint8Array): Greeting['style'] | undefined {
  const magic = viewOf(bytes).getBigUint64(0);
  if (magic === HandshakeMagic.Option) return 'newstyle';
  return magic === HandshakeMagic.Oldstyle ? 'oldstyle' : undefined;
}

/** The 16 bits after the newstyle magic. */
export function decodeHandshakeFlags(bytes: Uint8Array): number {
  return viewOf(bytes).getUint16(0);
}

/** The 136 bytes after the oldstyle magic; the reserved ones are ignored. */
export function decodeOldstyleExport(bytes: Uint8Array): OldstyleExport {
  const view = viewOf(bytes);
  return { size: view.getBigUint64(0), handshakeFlags: view.getUint16(8), transmissionFlags: view.getUint16(10) };
}

/** The client's answer to a newstyle greeting: 32 bits, see `HandshakeFlag`. */
export function encodeClientFlags(flags: number): Uint8Array {
  return new PayloadWriter().u32(flags).finish();
}

/** Decodes the 4 bytes with which a client answers a newstyle greeting. */
export function decodeClientFlags(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(0);
}

/** What answers `NBD_OPT_EXPORT_NAME`. */
export interface ExportNameReply {
  /** In bytes. */
  readonly size: bigint;
  /** 16 bits, see `TransmissionFlag`. */
  readonly transmissionFlags: number;
}

/** Length in bytes of the answer to `NBD_OPT_EXPORT_NAME`: the zeroes are there unless `NO_ZEROES` was agreed on. */
export function exportNameReplyBytes(noZeroes: boolean): number {
  return 8 + 2 + (noZeroes ? 0 : reservedZeroBytes);
}

/** The server's answer to `NBD_OPT_EXPORT_NAME`: 134 bytes, or 10 where `NO_ZEROES` was agreed on. */
export function encodeExportNameReply(reply: ExportNameReply, noZeroes: boolean): Uint8Array {
  const writer = new PayloadWriter().u64(reply.size).u16(reply.transmissionFlags);
  return writer.zeroes(noZeroes ? 0 : reservedZeroBytes).finish();
}

/** Decodes 10 or 134 bytes; the reserved ones are ignored. */
export function decodeExportNameReply(bytes: Uint8Array): ExportNameReply {
  const view = viewOf(bytes);
  return { size: view.getBigUint64(0), transmissionFlags: view.getUint16(8) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
