/** The bounds of what an image may make us read or keep. They are those of QEMU, so that every image that it opens can be opened here. */

/** The smallest clusters, as a power of two (512 bytes). */
export const clusterBitsMin = 9;
/** The largest clusters, as a power of two (2 MiB). */
export const clusterBitsMax = 21;
/** The longest name of a backing file, in bytes. */
export const backingNameBytesMax = 1023;
/** The longest L1 table, in bytes. */
export const l1BytesMax = 32 * 2 ** 20;
/** The longest refcount table, in bytes. */
export const refcountTableBytesMax = 8 * 2 ** 20;
/** The most snapshots inside of an image. */
export const snapshotsMax = 65_536;
/** The longest table of all snapshots together, in bytes: 1 KiB for each is more than the fixed fields and a long name. */
export const snapshotTableBytesMax = 1024 * snapshotsMax;
/** The most header extensions: the first cluster has no room for more that mean something. */
export const extensionsMax = 1024;
/** The most bitmaps inside of an image. */
export const bitmapsMax = 65_535;
/** The longest directory of bitmaps, in bytes. */
export const bitmapDirectoryBytesMax = 64 * 2 ** 20;
/** The longest table of one bitmap, in bytes. */
export const bitmapTableBytesMax = 128 * 2 ** 20;
/** The most bits of one bitmap when a disk becomes longer, in bytes: QEMU opens no image with more. */
export const bitmapBitBytesMax = 512 * 2 ** 20;
/** The longest name of a bitmap, in bytes. */
export const bitmapNameBytesMax = 1023;
/** The most extra data of a snapshot, in bytes. */
export const snapshotExtraBytesMax = 1024;
/** The largest disk, in bytes: up to there, places are exact as numbers. */
export const virtualBytesMax = 2n ** 53n;
