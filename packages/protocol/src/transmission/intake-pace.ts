/**
 * How many bytes a server takes in together. Best is half of what a client has under way: while the server works on one half, the client
 * works on the other. A read that takes all there is keeps up with a client that is still sending, and no reply leaves meanwhile.
 *
 * A client does not tell how much it has under way, but reads show it. Those that find fewer bytes than were asked for ask for too many;
 * where hardly any does, more could be asked for. At one half, about a third of them are short (measured, ADR 0067).
 */

/** A record of TLS, which brings 16 KiB at most, is never cut into two. In bytes. */
const leastBytes = 16 * 1024 + 128;
/** Shares of the pace, as shifts, that one read adds or takes off: with two steps up for each step down, a third of the reads is short. */
const growthShift = 5;
const shrinkageShift = 4;

export class IntakePace {
  /** So many bytes should be asked for next. */
  bytes: number;
  readonly #mostBytes: number;

  constructor(mostBytes: number) {
    this.bytes = mostBytes;
    this.#mostBytes = mostBytes;
  }

  /** `wantedBytes` were asked for, and `byteCount` of them have come. */
  note(byteCount: number, wantedBytes: number): void {
    const { bytes } = this;
    if (byteCount >= wantedBytes) this.bytes = Math.min(bytes + (bytes >> growthShift), this.#mostBytes);
    else this.bytes = Math.max(bytes - (bytes >> shrinkageShift), leastBytes);
  }
}
