/** The hash of the hashes of a device's blocks. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { checkDevice, defineOptions, isZero, type OptionsOf, option } from '@nbdjs/kit';
import { readingOptions, resolveOptions } from '../options.ts';
import { readInOrder } from '../streams/ordered-reader.ts';
import { requireMethod } from '../streams/require-method.ts';
import { DigestQueue } from './digest-queue.ts';
import type { HashReport, StreamingHash } from './streaming-hash.ts';
import { nextTurnOf } from './turns.ts';

const kibi = 1024;

/** The options of a block hash as data: defaults, units, checks and texts. */
export const blockHashOptions = defineOptions({
  ...readingOptions.definitions,
  /** Length of a block, in bytes: a power of two from 512 bytes to 2 GiB. Other lengths give other hashes. @default 65536 */
  blockSize: option.powerOfTwoBytes({
    default: 64 * kibi,
    least: 512,
    most: 2 ** 31,
    doc: 'Length of a block. Other lengths give other hashes.',
  }),
  /**
   * Hashes one block, with the same algorithm as `createHash`. The bytes are lent until it returns, so that `SubtleCrypto.digest` will
   * do, which copies them and works in other threads.
   *
   * @default createHash
   */
  digestBlock: option.callback<(block: Uint8Array) => Uint8Array | Promise<Uint8Array>>({
    defaultText: 'createHash',
    doc: 'Hashes one block, in another thread for example.',
  }),
});

/** How to hash the blocks of a device. */
export interface BlockHashOptions extends OptionsOf<typeof blockHashOptions> {}

/**
 * Hashes the blocks of a device, and then their hashes one after the other, followed by the size of the device as 64 bits, little end
 * first: what `nbdcopy --blkhash` prints. The last block may be shorter. Blocks of zeroes cost next to nothing: holes are not read, and the
 * hash of a block of zeroes is computed once.
 *
 * @param createHash makes the hash, such as `() => createHash('sha256')` with that of `node:crypto`
 * @throws UsageError for options out of bounds, errors of the device and of the hash, or the signal's reason.
 */
export async function hashBlocks(
  device: BlockDevice,
  createHash: () => StreamingHash,
  options: BlockHashOptions = {},
): Promise<HashReport> {
  checkDevice('hash', 'the device', device);
  requireMethod('createHash', createHash, 'a function that makes a hash');
  const { blockSize, digestBlock, ...common } = blockHashOptions.resolve('hashBlocks', options);
  const settings = resolveOptions(common, [device]);
  const { size } = device.geometry;
  const blocks = new BlockHasher(size, blockSize, createHash, digestBlock);
  const turn = nextTurnOf(settings.nextTurn);
  let doneBytes = 0n;
  const done = (bytes: bigint): void => {
    doneBytes += bytes;
    settings.onProgress?.({ doneBytes, totalBytes: size });
  };
  try {
    const readBytes = await readInOrder(device, settings, {
      data: async (bytes) => {
        await blocks.add(bytes);
        done(BigInt(bytes.length));
        await turn();
      },
      zeroes: async (length) => {
        // A hole of many terabytes has to leave other work its turns, too.
        await blocks.addZeroes(length, async () => {
          settings.signal?.throwIfAborted();
          await turn();
        });
        done(length);
      },
    });
    return { digest: await blocks.digest(), totalBytes: size, readBytes };
  } finally {
    await blocks.settled();
  }
}

/** Divides bytes into blocks, and hashes these. */
class BlockHasher {
  readonly #size: bigint;
  readonly #blockSize: number;
  readonly #createHash: () => StreamingHash;
  readonly #digests: DigestQueue;
  readonly #digestBlock: (block: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** The hash of a block that has come in part, and how much of it. */
  #partial: StreamingHash | undefined;
  #partialBytes = 0;
  #zeroDigest: Uint8Array | undefined;

  constructor(
    size: bigint,
    blockSize: number,
    createHash: () => StreamingHash,
    digestBlock: BlockHashOptions['digestBlock'],
  ) {
    this.#size = size;
    this.#blockSize = blockSize;
    this.#createHash = createHash;
    this.#digests = new DigestQueue(createHash());
    this.#digestBlock = digestBlock ?? ((block) => hashOf(createHash(), block));
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      const end = Math.min(bytes.length, start + this.#blockSize - this.#partialBytes);
      const piece = bytes.subarray(start, end);
      if (this.#partialBytes === 0 && piece.length === this.#blockSize) {
        await this.#digests.add(isZero(piece) ? this.#digestOfZeroes() : this.#digestBlock(piece));
      } else {
        await this.#addPart(piece);
      }
      start = end;
    }
  }

  async addZeroes(length: bigint, pause: () => Promise<void>): Promise<void> {
    let left = length;
    if (this.#partialBytes > 0) {
      const missing = BigInt(this.#blockSize - this.#partialBytes);
      left -= await this.#addZeroPart(left < missing ? left : missing, pause);
    }
    const blocks = left / BigInt(this.#blockSize);
    if (blocks > 0n) await this.#digests.addMany(this.#digestOfZeroes(), blocks, pause);
    await this.#addZeroPart(left % BigInt(this.#blockSize), pause);
  }

  /** All bytes are added. */
  async digest(): Promise<Uint8Array> {
    if (this.#partialBytes > 0) await this.#endPart();
    return await this.#digests.end(this.#size);
  }

  /** Settles when no block is being hashed any more. */
  settled(): Promise<void> {
    return this.#digests.settled();
  }

  async #addPart(piece: Uint8Array): Promise<void> {
    this.#partial ??= this.#createHash();
    this.#partial.update(piece);
    this.#partialBytes += piece.length;
    if (this.#partialBytes === this.#blockSize) await this.#endPart();
  }

  async #addZeroPart(length: bigint, pause: () => Promise<void>): Promise<bigint> {
    const zeroes = new Uint8Array(Math.min(Number(length), 64 * kibi));
    for (let left = Number(length); left > 0; left -= zeroes.length) {
      await this.#addPart(left < zeroes.length ? zeroes.subarray(0, left) : zeroes);
      await pause();
    }
    return length;
  }

  async #endPart(): Promise<void> {
    const digest = (this.#partial as StreamingHash).digest();
    this.#partial = undefined;
    this.#partialBytes = 0;
    await this.#digests.add(digest);
  }

  #digestOfZeroes(): Uint8Array {
    if (this.#zeroDigest === undefined) {
      const hash = this.#createHash();
      const zeroes = new Uint8Array(Math.min(this.#blockSize, 64 * kibi));
      for (let done = 0; done < this.#blockSize; done += zeroes.length) hash.update(zeroes);
      this.#zeroDigest = hash.digest();
    }
    return this.#zeroDigest;
  }
}

function hashOf(hash: StreamingHash, bytes: Uint8Array): Uint8Array {
  hash.update(bytes);
  return hash.digest();
}
