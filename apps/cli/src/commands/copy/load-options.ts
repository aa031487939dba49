/** Options of `nbd copy` about how much is done at a time. */
import { optionGroup } from '../../options/option-group.ts';
import { count, powerOfTwo, sizeBetween } from '../../options/size.ts';
import { parseThreads } from '../../options/threads.ts';

const kibi = 1024;
const mebi = 1024 * kibi;

export function loadOptions() {
  return optionGroup()
    .option(
      '--queue-size <n>',
      'bytes held in memory for each connection, at most (default: as many as it takes)',
      sizeBetween('--queue-size', 1, 4096 * mebi),
    )
    .option('--request-size <n>', 'length of a read', powerOfTwo('--request-size', 4 * kibi, 32 * mebi), 512 * kibi)
    .option(
      '-R, --requests <n>',
      'requests in flight for each connection, at most (default: as many as it takes)',
      count('--requests', 1, 65536),
    )
    .option(
      '--rate <n>',
      'read at most this many bytes a second',
      sizeBetween('--rate', 64 * kibi, Number.MAX_SAFE_INTEGER),
    )
    .option(
      '-S, --sparse <n>',
      'look for zeroes in blocks of this size, 0: do not (default: 4096, but not for few zeroes among data)',
      powerOfTwo('--sparse', 512, 2 ** 31, true),
    )
    .option('--synchronous', 'one request at a time, in order')
    .option(
      '-T, --threads <n>',
      "threads, each with connections or files of its own; 'auto' or 0: one less than processors, at most 4, where that pays (default: auto)",
      parseThreads,
    );
}
