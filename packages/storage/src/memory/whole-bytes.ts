/** The size of a device in memory, as its options are checked. Whether there can be so many bytes is another question. */
export const wholeBytes = {
  expected: 'a whole number of bytes, as a number or a bigint',
  holds: (value: unknown) => typeof value === 'bigint' || Number.isInteger(value),
};
