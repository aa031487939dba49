/**
 * The first bytes of an encrypted device: how the key is made of the passphrase, and whether a passphrase is the right one.
 *
 * | offset | bytes | |
 * | --- | --- | --- |
 * | 0 | 8 | `NBDJSXTS` |
 * | 8 | 4 | version, 1 |
 * | 12 | 4 | bytes of a sector |
 * | 16 | 12 | scrypt: cost, block size, parallelization, 4 bytes each |
 * | 28 | 32 | salt |
 * | 60 | 32 | HMAC-SHA256 of all that, by a key that nothing else uses |
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** The header takes this many bytes, and the content begins behind it. */
export const headerBytes = 4096;

const magic = 'NBDJSXTS';
const version = 1;
const macOffset = 60;
const macBytes = 32;

/** A header may come from anywhere: no more than this much memory for one passphrase. */
const scryptBytesMax = 2 ** 30;

export interface Cost {
  /** A power of two; memory and time grow with it. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

export interface Header {
  readonly sectorBytes: number;
  /** 64 bytes: the two keys of AES-256-XTS. */
  readonly key: Buffer;
}

/** Makes the header of a new device, and its key. */
export async function createHeader(
  passphrase: string,
  sectorBytes: number,
  cost: Cost,
): Promise<{ readonly bytes: Buffer; readonly key: Buffer }> {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write(magic, 'latin1');
  const numbers = [version, sectorBytes, cost.cost, cost.blockSize, cost.parallelization];
  for (const [place, number] of numbers.entries()) bytes.writeUInt32BE(number, 8 + 4 * place);
  randomBytes(32).copy(bytes, 28);
  const { key, macKey } = await deriveKeys(passphrase, bytes);
  macOf(bytes, macKey).copy(bytes, macOffset);
  return { bytes, key };
}

/** @throws Error when it is no header, one that would cost too much, or the passphrase is another one. */
export async function readHeader(bytes: Buffer, passphrase: string): Promise<Header> {
  if (bytes.toString('latin1', 0, 8) !== magic) throw new Error('the device is not encrypted by this program');
  if (bytes.readUInt32BE(8) !== version)
    throw new Error(`the header has version ${bytes.readUInt32BE(8)}, expected ${version}`);
  const sectorBytes = bytes.readUInt32BE(12);
  if (sectorBytes !== 512 && sectorBytes !== 4096) throw new Error(`the header says sectors of ${sectorBytes} bytes`);
  const { key, macKey } = await deriveKeys(passphrase, bytes);
  const isRight = timingSafeEqual(macOf(bytes, macKey), bytes.subarray(macOffset, macOffset + macBytes));
  if (!isRight) throw new Error('the passphrase is wrong, or the header is damaged');
  return { sectorBytes, key };
}

function macOf(header: Buffer, macKey: Buffer): Buffer {
  return createHmac('sha256', macKey).update(header.subarray(0, macOffset)).digest();
}

function deriveKeys(passphrase: string, header: Buffer): Promise<{ readonly key: Buffer; readonly macKey: Buffer }> {
  const [N, r, p] = [header.readUInt32BE(16), header.readUInt32BE(20), header.readUInt32BE(24)];
  if (128 * N * r > scryptBytesMax || p > 16)
    throw new Error(`the header asks for too much: scrypt with N ${N}, r ${r}, p ${p}`);
  // Two ways to type the same letter are the same passphrase.
  const text = passphrase.normalize('NFC');
  const options = { N, r, p, maxmem: 128 * N * r + 128 * r * p + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(text, header.subarray(28, macOffset), 96, options, (error, keys) => {
      if (error === null) resolve({ key: keys.subarray(0, 64), macKey: keys.subarray(64) });
      else reject(error);
    });
  });
}
