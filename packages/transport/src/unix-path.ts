/** Checks of the paths of Unix sockets. */
import { UsageError } from '@nbdjs/interfaces';

/** The longest path that every system accepts, in bytes; longer ones are cut off silently. */
export const unixPathBytesMax = 107;

/** @throws UsageError for a path that cannot be a socket's. A leading NUL means Linux's abstract namespace. */
export function requireUnixPath(path: string): void {
  if (path === '') throw new UsageError('ERR_NBD_ARGUMENT', 'the path of the Unix socket is empty');
  if (path.includes('\0', 1)) {
    // The system would take the part before it for the whole path.
    throw new UsageError('ERR_NBD_ARGUMENT', `the path of the Unix socket has a NUL in it: ${JSON.stringify(path)}`);
  }
  const byteCount = Buffer.byteLength(path);
  if (byteCount > unixPathBytesMax) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `the path of the Unix socket has ${byteCount} bytes, at most ${unixPathBytesMax} are possible: ${path}`,
    );
  }
}
