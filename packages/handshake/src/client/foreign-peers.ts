/** Guesses what the peer is when it is not an NBD server. */
import { printableBytes } from '@nbdjs/protocol';

const nbdMagic = ascii('NBDMAGIC');

const foreignPeers: readonly { readonly begins: Uint8Array; readonly looks: string }[] = [
  { begins: ascii('HTTP/'), looks: 'it looks like an HTTP server' },
  { begins: ascii('SSH-'), looks: 'it looks like an SSH server' },
  { begins: Uint8Array.of(0x16, 0x03), looks: 'it begins with TLS, where NBD negotiates TLS later' },
  { begins: Uint8Array.of(0x15, 0x03), looks: 'it sent a TLS alert, where NBD negotiates TLS later' },
  { begins: ascii('RFB '), looks: 'it looks like a VNC server' },
  { begins: ascii('{"QMP"'), looks: "it looks like QEMU's control socket (QMP)" },
];

/** Completes `peer is not an NBD server: ...`; at least one byte of the first eight is enough. */
export function describeForeignPeer(firstBytes: Uint8Array): string {
  const foreign = foreignPeers.find(({ begins }) => startsWith(firstBytes, begins));
  if (foreign !== undefined) return foreign.looks;
  const hex = Array.from(firstBytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const readable = firstBytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return `expected NBDMAGIC as first bytes, got ${hex}${readable ? ` ('${printableBytes(firstBytes)}')` : ''}`;
}

/** Whether an NBD server's greeting may begin like this. */
export function mayBecomeNbd(firstBytes: Uint8Array): boolean {
  return startsWith(nbdMagic, firstBytes.subarray(0, nbdMagic.length));
}

function startsWith(bytes: Uint8Array, begin: Uint8Array): boolean {
  return bytes.length >= begin.length && begin.every((byte, index) => bytes[index] === byte);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
