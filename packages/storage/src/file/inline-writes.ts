/**
 * When a file may be written to on the event loop, without a thread: the page cache takes most writes as quickly as memory would.
 * But a system with too many dirty pages makes writers wait.
 */
import { InlineCalls } from './inline-calls.ts';

/**
 * Longer writes gain nothing: threads copy them side by side. In bytes. What has just come from a socket is in the processor's cache,
 * and goes to the page cache from there before the next one takes its place: measured on two processors, 1.3 to 1.5 times as many writes of
 * 128 KiB to 1 MiB as by threads.
 */
const lengthMax = 1024 * 1024;
/** A write of less than whole pages may have to read the rest of them first. */
const pageBytes = 4096;

export class InlineWrites extends InlineCalls {
  /** Whether a write may be tried at once. */
  mayTry(offset: number, length: number): boolean {
    if (length > lengthMax || offset % pageBytes !== 0 || length % pageBytes !== 0) return false;
    return this.isQuick;
  }
}
