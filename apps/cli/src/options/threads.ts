/** The value of `--threads`. */
import { parseCount } from './size.ts';

const threadsMax = 64;

/** Parses the value of `--threads`. 0 means `auto`, as it does for nbdcopy. */
export function parseThreads(text: string): number | 'auto' {
  return text === 'auto' || text === '0' ? 'auto' : parseCount(text, '--threads', 1, threadsMax);
}
