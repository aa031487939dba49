/** A device over a device: what is stored below is encrypted, sector by sector, by AES-256-XTS (IEEE 1619). */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type BlockDevice, baseAllocation, defineDevice } from '@nbdjs/storage';
import { type Cost, createHeader, headerBytes, readHeader } from './header.ts';

export interface FormatOptions {
  /** Bytes that are encrypted together: 512 or 4096. The size of the device is a multiple of it. @default 4096 */
  readonly sectorBytes?: 512 | 4096 | undefined;
  /** What one guess of the passphrase costs. @default scrypt with 2^17, 8 and 1: 128 MiB and about half a second */
  readonly cost?: Cost | undefined;
}

/**
 * Writes a header on a device. What is on the device is lost.
 *
 * @throws Error for an empty passphrase, or a device that is too small.
 */
export async function formatEncrypted(
  below: BlockDevice,
  passphrase: string,
  options: FormatOptions = {},
): Promise<void> {
  const { sectorBytes = 4096, cost = { cost: 2 ** 17, blockSize: 8, parallelization: 1 } } = options;
  if (passphrase === '') throw new Error('the passphrase is empty');
  if (below.geometry.size < headerBytes)
    throw new Error(`the device has ${below.geometry.size} bytes, expected ${headerBytes}`);
  const { bytes } = await createHeader(passphrase, sectorBytes, cost);
  // Old content would be deciphered to noise. As zeroes it is a hole.
  await below.writeZeroes(0, below.geometry.size);
  await below.write(0, bytes);
  await below.flush();
}

/**
 * Opens a device that `formatEncrypted` has prepared. It takes whole sectors; `createBlockSizeLayer` over it takes any range. Closing it closes
 * the device below.
 *
 * @throws Error when the device has no header, or the passphrase is wrong.
 */
export async function openEncrypted(below: BlockDevice, passphrase: string): Promise<BlockDevice> {
  if (below.geometry.size < headerBytes) throw new Error('the device is not encrypted by this program');
  const header = Buffer.alloc(headerBytes);
  await below.read(0, header);
  const { sectorBytes, key } = await readHeader(header, passphrase);
  const sectors = new Sectors(key, sectorBytes);
  const content = Number(below.geometry.size) - headerBytes;
  return defineDevice({
    size: content - (content % sectorBytes),
    minimumBlockSize: sectorBytes,
    async read(offset, target, { signal }) {
      await below.read(headerBytes + offset, target, { signal });
      sectors.decipher(target, offset);
    },
    // The caller's memory is lent, so the encrypted bytes get their own.
    write: (offset, source, { signal }) =>
      below.write(headerBytes + offset, sectors.encipher(source, offset), { signal }),
    flush: (options) => below.flush(options),
    writeZeroes: (offset, length, { signal }) => below.writeZeroes(headerBytes + offset, length, { signal }),
    trim: (offset, length, { signal }) =>
      below.abilities.trim ? below.trim(headerBytes + offset, length, { signal }) : undefined,
    async blockStatus(offset, length, { signal }) {
      if (!below.abilities.contexts.includes(baseAllocation)) return [{ length, status: 0 }];
      const contexts = [baseAllocation];
      const [answer] = await below.blockStatus(headerBytes + offset, length, { contexts, signal });
      return (answer?.extents ?? []).map((extent) => ({
        length: Number(extent.length),
        status: Number(extent.status),
      }));
    },
    close: () => below.close(),
  });
}

/** Enciphers and deciphers sectors, each for itself by its number. A sector of zeroes below is one of zeroes: it was never written. */
class Sectors {
  readonly #key: Buffer;
  readonly #sectorBytes: number;

  constructor(key: Buffer, sectorBytes: number) {
    this.#key = key;
    this.#sectorBytes = sectorBytes;
  }

  encipher(source: Uint8Array, offset: number): Uint8Array {
    const target = new Uint8Array(source.length);
    this.#forEach(source, offset, (sector, tweak, position) => {
      target.set(createCipheriv('aes-256-xts', this.#key, tweak).update(sector), position);
    });
    return target;
  }

  decipher(bytes: Uint8Array, offset: number): void {
    this.#forEach(bytes, offset, (sector, tweak) => {
      if (isZero(sector)) return;
      sector.set(createDecipheriv('aes-256-xts', this.#key, tweak).update(sector));
    });
  }

  #forEach(
    bytes: Uint8Array,
    offset: number,
    work: (sector: Uint8Array, tweak: Buffer, position: number) => void,
  ): void {
    for (let position = 0; position < bytes.length; position += this.#sectorBytes) {
      // The number of the sector, little-endian, as other programs count them.
      const tweak = Buffer.alloc(16);
      tweak.writeBigUInt64LE(BigInt((offset + position) / this.#sectorBytes));
      work(bytes.subarray(position, position + this.#sectorBytes), tweak, position);
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
