/** The value of `--threads`. */
import { parseCount } from './size.ts';

const threadsMax = 64;

/** Parses the value of `--threads`. */
export function parseThreads(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : parseCount(text, '--threads', 1, threadsMax);
}
