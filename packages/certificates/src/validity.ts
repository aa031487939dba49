/**
 * How long something is good. A file of its own: types for users must not lead to those of PKI.js, which ask for newer compilers
 * and for a browser's types.
 */

/** When something begins and ceases to be good; dates in the past make what has expired. */
export interface Validity {
  /** @default an hour ago, for clocks that are slow */
  readonly validFrom?: Date | undefined;
  /** @default 365 days after `validFrom`; ten years for an authority */
  readonly validTo?: Date | undefined;
}
