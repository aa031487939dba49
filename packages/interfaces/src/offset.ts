/**
 * A position or a length in bytes. A `bigint` is accepted wherever a `number` is, because a device may be up to 2^63 - 1
 * bytes long; a `number` has to be a safe integer.
 */
export type Offset = number | bigint;
