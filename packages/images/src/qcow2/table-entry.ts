/** Entries of tables: the bits that all of them have alike. */

/** Where the offset of a table or of a cluster is: bits 9 to 55. */
export const offsetMask = 0x00ff_ffff_ffff_fe00n;
