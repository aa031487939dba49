/** What a device has lost of what it had acknowledged. */

/** The losses of one device, counted from 1 on. Each user of a shared device keeps the count of those that were reported to it. */
export interface Losses {
  /** How many losses there have been. */
  readonly count: number;
  /** How many have been reported to at least one caller. To a new user of the device, the later ones have to be reported. */
  readonly toldCount: number;
  /** The losses after the first `count`, as one new error. There has to be one at least. */
  since(count: number): Error;
  /** Marks every loss so far as reported. */
  told(): void;
}
