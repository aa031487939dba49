/** `nbd copy --retries`: calls that fail for a temporary reason are repeated. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createRetryLayer } from '@nbdjs/storage';
import { oneLine } from '../../errors/one-line.ts';
import type { Terminal } from '../../terminal.ts';

/** The shortest time between two messages about retries, in milliseconds. */
const retryNoteMs = 1000;

export interface RetryOptions {
  readonly retries: number;
  readonly quiet?: boolean | undefined;
}

/** Returns the device with a layer that repeats calls that fail for a temporary reason, and says so. */
export function withRetries(
  device: BlockDevice,
  { retries, quiet: isQuiet = false }: RetryOptions,
  terminal: Terminal,
): BlockDevice {
  if (retries === 0) return device;
  let notedMs = Number.NEGATIVE_INFINITY;
  let unnoted = 0;
  const onRetry = ({ command, offset = 0 }: { command: string; offset?: unknown }, error: unknown): void => {
    if (isQuiet) return;
    const now = systemClock.now();
    // When a server has trouble, all requests in flight fail, again and again.
    if (now - notedMs < retryNoteMs) {
      unnoted++;
      return;
    }
    const others = unnoted === 0 ? '' : ` (and ${unnoted} more since the last time)`;
    terminal.note(`nbd: ${command} at ${offset}: ${oneLine(error)}; trying again${others}`);
    notedMs = now;
    unnoted = 0;
  };
  return createRetryLayer(device, { clock: systemClock, retries, onRetry });
}
