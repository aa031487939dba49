/** Options of commands that read whole devices. */
import { optionGroup } from './option-group.ts';
import { count, powerOfTwo } from './size.ts';

const kibi = 1024;
const mebi = 1024 * kibi;

export function readingOptions() {
  return optionGroup()
    .option(
      '-C, --connections <n>',
      'connections to each server, if it allows several (default: 4)',
      count('--connections', 1, 64),
    )
    .option('--no-extents', 'do not ask for block maps: read holes, too')
    .option('--request-size <n>', 'length of a read', powerOfTwo('--request-size', 4 * kibi, 32 * mebi), 512 * kibi)
    .option(
      '--progress <how>',
      'show progress: bar, json, json:FD, or a descriptor for N/100 lines (alone, or as -p: a bar)',
    )
    .option('-q, --quiet', 'print nothing but errors');
}
