/**
 * Where the bytes of a stream land: everything small in one staging memory, the bulk of a long payload in the memory that
 * its owner names, so that the kernel writes it there and no copy is made.
 *
 * A channel asks for the next memory right after each delivery, when it is not known yet what will arrive. Behind a long
 * payload only the next header is therefore staged: another long payload probably follows it, and is to land in its target from
 * its first byte on. Copies to the beginning of memory are also faster than to odd addresses.
 */

/**
 * From this length on, a payload lands in its target directly. Measured: reading one of 64 KiB by itself costs more than
 * copying it, because several come with one read; at 128 KiB it is the other way round.
 */
const longBytesMin = 128 * 1024;

const noBytes = new Uint8Array(0);

export class ReceiveBuffer {
  bytes: Uint8Array;
  view: DataView;
  /** First staged byte that has not been consumed. */
  head = 0;
  /** First byte of the staging memory that has not been filled. */
  tail = 0;
  /** Bytes of the payload under way that have not arrived. */
  missing = 0;
  #target: Uint8Array | undefined;
  /** How much of the target has been filled. */
  #position = 0;
  #mayBeDirect = false;
  /** The memory that was named last, while it still is the right one: channels ask before each delivery, and after it. */
  #named: Uint8Array | undefined;
  /** Whether that is the target's own. */
  #isDirect = false;
  #readAheadBytes: number;
  readonly #headerBytes: number;
  readonly #stagingBytes: number;

  /**
   * @param stagingBytes length of the staging memory
   * @param headerBytes what stands in front of a payload
   * @param firstBytes the staging memory's length until a delivery has filled it: connections that carry little need no more
   */
  constructor(stagingBytes: number, headerBytes: number, firstBytes = stagingBytes) {
    this.#headerBytes = headerBytes;
    this.#stagingBytes = stagingBytes;
    this.bytes = new Uint8Array(firstBytes);
    this.view = new DataView(this.bytes.buffer);
    this.#readAheadBytes = stagingBytes;
  }

  /** Staged bytes that have not been consumed. */
  get available(): number {
    return this.tail - this.head;
  }

  /** The staged bytes around the place that was reached, for messages. Borrowed. */
  get excerpt(): Uint8Array {
    return this.bytes.subarray(Math.max(this.head - 32, 0), Math.min(this.head + 32, this.tail));
  }

  /**
   * Where the next bytes must land. `leastBytes`: the longest piece that a decoder waits for; so many bytes have to fit after the staged
   * ones. `bytesMax`: no more staging memory is named than that.
   */
  writable(leastBytes: number, bytesMax = this.#stagingBytes): Uint8Array {
    this.#named ??= this.#name(leastBytes, bytesMax);
    return this.#named;
  }

  #name(leastBytes: number, bytesMax: number): Uint8Array {
    const isEmpty = this.head === this.tail;
    this.#isDirect = isEmpty && this.#mayBeDirect && this.missing > 0 && this.#target !== undefined;
    if (this.#isDirect) return (this.#target as Uint8Array).subarray(this.#position);
    if (this.tail === this.bytes.length && this.tail < this.#stagingBytes) this.#grow();
    const { length } = this.bytes;
    if (isEmpty) {
      this.head = 0;
      this.tail = 0;
    } else if (length - this.tail < leastBytes) {
      this.bytes.copyWithin(0, this.head, this.tail);
      this.tail -= this.head;
      this.head = 0;
    }
    // The rest of a payload and the headers after it come in one read.
    const end = Math.min(length, this.tail + bytesMax, this.tail + this.missing + this.#readAheadBytes);
    return this.tail === 0 && end === length ? this.bytes : this.bytes.subarray(this.tail, end);
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#stagingBytes);
    bytes.set(this.bytes.subarray(this.head, this.tail));
    this.tail -= this.head;
    this.head = 0;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** Length of the staging memory that `writable` named; 0 when it named a target's own. */
  get stagingNamed(): number {
    return this.#isDirect ? 0 : (this.#named?.length ?? 0);
  }

  /** So many bytes have landed in the memory that `writable` named. */
  landed(byteCount: number): void {
    this.#named = undefined;
    if (this.#isDirect) {
      this.#position += byteCount;
      this.missing -= byteCount;
    } else {
      this.tail += byteCount;
    }
  }

  /**
   * A payload comes next. Without a target it is discarded. With `mayBeDirect` false it is only ever copied to its target,
   * so that the target can be taken back at any time.
   */
  expectPayload(target: Uint8Array | undefined, length: number, mayBeDirect: boolean): void {
    this.#target = target;
    this.#position = 0;
    this.#mayBeDirect = mayBeDirect && length >= longBytesMin;
    this.missing = length;
    this.#readAheadBytes = this.#mayBeDirect ? this.#headerBytes : this.#stagingBytes;
  }

  /** No payload comes next, so that many small things may follow each other: they are read in one go. */
  expectSmallThings(): void {
    this.#readAheadBytes = this.#stagingBytes;
  }

  /** Moves what is staged of the payload under way to its target. Returns whether the payload is complete. */
  takePayload(): boolean {
    const { head, missing } = this;
    const byteCount = Math.min(missing, this.tail - head);
    if (byteCount > 0) {
      this.#target?.set(this.bytes.subarray(head, head + byteCount), this.#position);
      this.head = head + byteCount;
      this.#position += byteCount;
      this.missing = missing - byteCount;
    }
    if (this.missing > 0) return false;
    this.#target = undefined;
    return true;
  }

  /**
   * Discards the rest of the payload under way, which has to be one that is only copied: the channel may write to memory that was named
   * until the next delivery.
   */
  discardPayload(): void {
    this.#target = undefined;
    this.#named = undefined;
  }

  /** The next `byteCount` staged bytes, borrowed, which are consumed by this call; `undefined` when there are fewer. */
  take(byteCount: number): Uint8Array | undefined {
    const { head } = this;
    if (this.tail - head < byteCount) return undefined;
    this.head = head + byteCount;
    return byteCount === 0 ? noBytes : this.bytes.subarray(head, this.head);
  }

  /** Consumes up to `byteCount` staged bytes. Returns how many. */
  skip(byteCount: number): number {
    const skipped = Math.min(byteCount, this.tail - this.head);
    this.head += skipped;
    return skipped;
  }
}
