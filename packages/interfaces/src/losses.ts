/** What a device has lost of what it had acknowledged. */

/** The losses of one device, counted from 1 on. Each user of a shared device keeps a count of those that it knows of. */
export interface Losses {
  /** How many losses there have been. */
  readonly count: number;
  /** How many have been reported to at least one caller. A new user of the device has to hear of those behind it. */
  readonly toldCount: number;
  /** The losses behind the first `count`, as one new error. There has to be one at least. */
  since(count: number): Error;
  /** Marks every loss so far as reported. */
  told(): void;
}
