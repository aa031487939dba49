/** The error of an answer of the kernel that is no message, or not the one that was expected. */

/** An answer of the kernel cannot be read. */
export class DamagedMessage extends Error {
  override readonly name = 'DamagedMessage';

  constructor(what: string) {
    super(`answer of the kernel cannot be read: ${what}`);
  }
}
