/**
 * One long request before the many of a copy. Servers in C take memory for each request and free it afterwards. The C library of Linux
 * (glibc) hands freed memory of 128 KiB or more back to the kernel each time, until longer memory than that has been freed once; then it
 * keeps it. A server that has answered one long request writes with a third of the processor time.
 */
import type { BlockDevice } from '@nbdjs/interfaces';

/** Afterwards the C library keeps pieces up to this length, and twice as much in all. */
const longBytes = 4 * 2 ** 20;

/** Shorter devices are copied before it pays. Where the server may be far away, the request is at most half a percent of the copy. */
const deviceBytesMin = { local: 64n * 2n ** 20n, distant: 1024n * 2n ** 20n } as const;

/** Reads from a server once what many requests will ask for together. What goes wrong here is left to the copy to meet. */
export async function sendLongRequest(
  server: Pick<BlockDevice, 'geometry' | 'read'>,
  place: keyof typeof deviceBytesMin,
): Promise<void> {
  const { size, maximumBlockSize } = server.geometry;
  if (maximumBlockSize < longBytes || size < deviceBytesMin[place]) return;
  try {
    await server.read(0, new Uint8Array(longBytes));
  } catch {
    // The copy says it better, and with its own repetitions.
  }
}
