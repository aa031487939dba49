/** Memory for kept connections, used again and again: the collector is slow to notice shared memory. */
import { allocateLink, type LinkMemory, linkSizes, type RingSizes, resetLink } from './ring-link.ts';

/** So many unused links are held ready; 2 MiB each by default. */
const linksMax = 16;

export class LinkMemoryPool {
  #links: LinkMemory[] = [];

  /** Gives memory of the wished sizes, as good as new. */
  take(sizes: RingSizes): LinkMemory {
    const wanted = linkSizes(sizes);
    const index = this.#links.findIndex(
      ({ receiveBytes, sendBytes }) => receiveBytes === wanted.receiveBytes && sendBytes === wanted.sendBytes,
    );
    const [used] = index < 0 ? [] : this.#links.splice(index, 1);
    if (used === undefined) return allocateLink(sizes);
    resetLink(used);
    return used;
  }

  /** Takes back memory that nobody uses any more. */
  give(memory: LinkMemory): void {
    if (this.#links.length < linksMax) this.#links.push(memory);
  }
}
