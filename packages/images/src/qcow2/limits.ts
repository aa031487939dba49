/** The bounds of what an image may make us read or keep. They are those of QEMU, so that every image that it opens can be opened here. */

/** The smallest clusters, as a power of two (512 bytes). */
export const clusterBitsMin = 9;
/** The largest clusters, as a power of two (2 MiB). */
export const clusterBitsMax = 21;
/** The longest name of a backing file, in bytes. */
export const backingNameBytesMax = 1023;
/** The most header extensions: the first cluster has no room for more that mean something. */
export const extensionsMax = 1024;
