/** Memory for kept connections, used again and again: the garbage collector is slow to notice shared memory. */
import { allocateLink, type LinkMemory, linkSizes, type RingSizes, resetLink } from './ring-link.ts';

/** How many unused memories are kept; 2 MiB each by default. */
const memoriesMax = 16;

export class LinkMemoryPool {
  #unused: LinkMemory[] = [];

  /** Returns memory of the given sizes with its control words reset. */
  take(sizes: RingSizes): LinkMemory {
    const wanted = linkSizes(sizes);
    const index = this.#unused.findIndex(
      ({ receiveBytes, sendBytes }) => receiveBytes === wanted.receiveBytes && sendBytes === wanted.sendBytes,
    );
    const [used] = index < 0 ? [] : this.#unused.splice(index, 1);
    if (used === undefined) return allocateLink(sizes);
    resetLink(used);
    return used;
  }

  /** Takes back memory that neither side uses any more. */
  giveBack(memory: LinkMemory): void {
    if (this.#unused.length < memoriesMax) this.#unused.push(memory);
  }
}
