/** What the flags of `open` mean for a file of ours. */
import { OpenFlag, parallelWritesMinor } from '../protocol/numbers.ts';

/** The bits that say whether a file is opened for reading, for writing or for both; 0 is reading. */
const accessModes = 3;

/** `O_DIRECT`, by the names of `process.arch`. */
const directFlags: Partial<Record<string, number>> = {
  x64: 0o40000,
  riscv64: 0o40000,
  loong64: 0o40000,
  arm64: 0o200000,
};

/** Returns whether a file is opened for reading only. */
export function isReading(flags: number): boolean {
  return (flags & accessModes) === 0;
}

/**
 * Returns how the kernel is to treat the open file (`OpenFlag`).
 *
 * @param minor the version that is spoken
 * @param architecture that of the machine, as `process.arch` has it
 */
export function openFlagsOf(flags: number, minor: number, architecture: string): number {
  const isDirect = (flags & (directFlags[architecture] ?? 0)) !== 0;
  // Direct writes of files in the page cache wait for each other.
  const direct = isDirect && minor >= parallelWritesMinor ? OpenFlag.DirectIo | OpenFlag.ParallelDirectWrites : 0;
  // Closing a file that waits for us could wait for ever: a process that has such a file open and starts another one closes it on the way,
  // and if that process is ours, it can answer nothing before it has. What was written is with the device by then.
  return direct | OpenFlag.NoFlush;
}
