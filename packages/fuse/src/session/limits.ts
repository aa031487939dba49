/** The limits of a session with the kernel. */

/** The longest read or write of the kernel in one piece, in bytes: as long as Linux allows. */
export const requestBytesMax = 1024 * 1024;

/** Requests that no process waits for, such as reading ahead, at a time. Linux sends 12 to a filesystem that does not say. */
export const backgroundMax = 256;

/** The kernel is not asked for more requests while those under way have so many bytes. */
export const bytesInFlightMax = 64 * 1024 * 1024;

/** How long a request that changes nothing may go on after its caller was interrupted, in milliseconds; then it fails with EINTR. */
export const interruptedMs = 1000;

/** For so long the kernel need not ask again for what a file is: sizes do not change. In seconds. */
export const validSeconds = 3600;
