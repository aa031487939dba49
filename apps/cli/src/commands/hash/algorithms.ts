/** Hash algorithms by name. */
import { createHash, getHashes, webcrypto } from 'node:crypto';
import type { BlockHashOptions, StreamingHash } from '@nbdjs/copy';
import { argumentError } from '../../errors/argument-error.ts';
import { powerOfTwo } from '../../options/size.ts';

/**
 * Returns a function that makes hashes.
 *
 * @throws UsageError for a name that Node does not know.
 */
export function hashFactory(algorithm: string): () => StreamingHash {
  const name = algorithm.toLowerCase();
  if (!getHashes().some((known) => known.toLowerCase() === name)) {
    throw argumentError(`there is no hash algorithm '${algorithm}': try md5, sha1, sha256, sha384, sha512 or sha3-256`);
  }
  return () => createHash(name);
}

/** Algorithms that WebCrypto has, which computes hashes in threads of its own. */
const threaded: Readonly<Record<string, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** Shorter blocks are hashed sooner than they are handed to another thread. */
const threadedBytesMin = 16 * 1024;

/** Returns how a block is hashed: in other threads, where that is possible and pays. */
export function digestBlockOf(algorithm: string): BlockHashOptions['digestBlock'] {
  const name = threaded[algorithm.toLowerCase()];
  if (name === undefined) return undefined;
  const create = hashFactory(algorithm);
  return async (block) => {
    if (block.length < threadedBytesMin) {
      const hash = create();
      hash.update(block);
      return hash.digest();
    }
    return new Uint8Array(await webcrypto.subtle.digest(name, block as Uint8Array<ArrayBuffer>));
  };
}

/** How blocks are hashed. */
export interface BlockHash {
  readonly algorithm: string;
  /** In bytes. */
  readonly blockSize: number;
}

const parseBlockSize = powerOfTwo('--block-hash', 512, 2 ** 31);

/** Parses `ALGORITHM` or `ALGORITHM/SIZE`, as nbdcopy has it. */
export function parseBlockHash(text: string): BlockHash {
  const [algorithm = '', size = '64k', ...rest] = text.split('/');
  if (algorithm === '' || rest.length > 0) {
    throw argumentError(`--block-hash: '${text}' is not ALGORITHM or ALGORITHM/SIZE`);
  }
  return { algorithm, blockSize: parseBlockSize(size) };
}
