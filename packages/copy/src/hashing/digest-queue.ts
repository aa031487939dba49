/** The hashes of blocks, in order, while some of them are still being computed. */
import type { StreamingHash } from './streaming-hash.ts';

/** Hashes that are computed at a time: as many as keep the threads of a process busy. */
const pendingMax = 16;

/** Equal hashes are added this many at a time. */
const digestsAtOnce = 4096;

/** Feeds hashes of blocks to the hash of them all. */
export class DigestQueue {
  readonly #whole: StreamingHash;
  readonly #pending: Promise<Uint8Array>[] = [];

  constructor(whole: StreamingHash) {
    this.#whole = whole;
  }

  /** Adds the next one; settles when another one may begin. */
  async add(digest: Uint8Array | Promise<Uint8Array>): Promise<void> {
    if (this.#pending.length === 0 && digest instanceof Uint8Array) {
      this.#whole.update(digest);
      return;
    }
    const pending = Promise.resolve(digest);
    // The error is thrown where the hash is waited for.
    pending.catch(() => {});
    this.#pending.push(pending);
    if (this.#pending.length >= pendingMax) await this.#takeFirst();
  }

  /** Adds the same one many times. `pause` is called from time to time. */
  async addMany(digest: Uint8Array, count: bigint, pause: () => Promise<void>): Promise<void> {
    while (this.#pending.length > 0) await this.#takeFirst();
    const several = new Uint8Array(digest.length * (count < digestsAtOnce ? Number(count) : digestsAtOnce));
    for (let at = 0; at < several.length; at += digest.length) several.set(digest, at);
    const atOnce = BigInt(several.length / digest.length);
    for (let left = count; left > 0n; left -= atOnce) {
      this.#whole.update(left < atOnce ? several.subarray(0, Number(left) * digest.length) : several);
      await pause();
    }
  }

  /** All blocks are added. Returns the hash of their hashes and of the size. */
  async end(size: bigint): Promise<Uint8Array> {
    while (this.#pending.length > 0) await this.#takeFirst();
    const last = new DataView(new ArrayBuffer(8));
    last.setBigUint64(0, size, true);
    this.#whole.update(new Uint8Array(last.buffer));
    return this.#whole.digest();
  }

  /** Settles when nothing is being computed any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  async #takeFirst(): Promise<void> {
    const first = this.#pending.shift();
    if (first !== undefined) this.#whole.update(await first);
  }
}
