/** The format of files of changes, which docs/changes.md describes: a head, and the records of `@nbdjs/kit`. */

/** `NBDCHG` and the version. */
export const changesHead: Uint8Array = Uint8Array.of(0x4e, 0x42, 0x44, 0x43, 0x48, 0x47, 0, 1);

/** Of the head, the part that is the same in all versions. */
export const changesMagicBytes = 6;

/** The types of records, which stand in the file as ASCII. */
export const changeTypes = { start: 0x53, data: 0x44, zeroes: 0x5a, end: 0x45 } as const;

/** From here on (the small letters) a reader may leave out records of a type that it does not know. */
export const optionalTypesFrom = 0x61;

/** A record has at most so many bytes of the disk; longer pieces are cut. */
export const changedBytesMax = 2 ** 20;

/** No record has a longer body: what is not data is short. */
export const changeBodyBytesMax = changedBytesMax + 2 ** 16;

/** Offset and compression in front of the bytes. */
export const dataHeaderBytes = 9;

/** The data is there as it is on the disk. Other numbers are for later versions. */
export const notCompressed = 0;

/** Three numbers of 64 bits and a SHA-256. */
export const endBodyBytes = 24 + 32;

/** Sizes and offsets in NBD. */
export const changesSizeMax = 2n ** 63n - 1n;

/** What an id looks like. */
export const changesIdForm = /^[0-9a-f]{32}$/;
