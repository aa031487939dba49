/** Has the system read ahead, or reads. */
import { willNeed } from '@nbdjs/syscalls';
import { readAll } from './file-io.ts';

/** More is not read ahead for one request, which is only a hint. In bytes. */
const requestBytesMax = 2 ** 30;
/** Linux takes this much of a range as it reads ahead at once, unless it is configured otherwise. In bytes. */
const advisedBytes = 128 * 1024;
/** Where the system takes no advice, bytes are read in pieces of this size. */
const readBytes = 1024 * 1024;

export class FileReadAhead {
  readonly #fd: number;
  /** A system that cannot be advised is not asked again. */
  #canAdvise = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** `requireGoing` throws when the work is to stop, and is called before each piece. */
  async run(start: bigint, length: bigint, requireGoing: () => void): Promise<void> {
    const end = start + (length < requestBytesMax ? length : BigInt(requestBytesMax));
    let scratch: Uint8Array | undefined;
    for (let position = start; position < end; ) {
      requireGoing();
      const pieceBytes = this.#canAdvise ? advisedBytes : readBytes;
      const piece = end - position < pieceBytes ? Number(end - position) : pieceBytes;
      if (this.#canAdvise) {
        this.#canAdvise = await willNeed(this.#fd, position, piece);
        if (!this.#canAdvise) continue;
      } else {
        scratch ??= new Uint8Array(pieceBytes);
        await readAll(this.#fd, position, scratch.subarray(0, piece));
      }
      position += BigInt(piece);
    }
  }
}
