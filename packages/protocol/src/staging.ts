/**
 * Memory in which messages are taken apart: bytes land at its end and are consumed from its front. What is left of an
 * incomplete message moves to the front when room is needed.
 */
export class Staging {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First byte that has not been consumed. */
  head = 0;
  /** First byte that has not been filled. */
  tail = 0;

  constructor(byteCount: number) {
    this.bytes = new Uint8Array(byteCount);
    this.view = new DataView(this.bytes.buffer);
  }

  get available(): number {
    return this.tail - this.head;
  }

  /** Room for at least `least` and at most `most` further bytes. */
  room(least: number, most: number): Uint8Array {
    if (this.head === this.tail) {
      this.head = 0;
      this.tail = 0;
    } else if (this.bytes.length - this.tail < least) {
      this.bytes.copyWithin(0, this.head, this.tail);
      this.tail -= this.head;
      this.head = 0;
    }
    const end = Math.min(this.bytes.length, this.tail + most);
    return this.tail === 0 && end === this.bytes.length ? this.bytes : this.bytes.subarray(this.tail, end);
  }
}
