/** Options of commands that destroy what they are pointed at. */
import { alias } from './alias.ts';
import { optionGroup } from './option-group.ts';
import { size } from './size.ts';

export function erasingOptions() {
  return optionGroup()
    .option('-n, --length <n>', 'at most this many bytes', size('--length'))
    .option('-o, --offset <n>', 'from this byte on', size('--offset'))
    .addOption(alias('--length <n>', '-l, --limit <n>').argParser(size('--length')))
    .addOption(alias('--offset <n>', '--skip <n>').argParser(size('--offset')))
    .option('-y, --yes', 'do not ask')
    .option(
      '--progress <how>',
      'show progress: bar, json, json:FD, or a descriptor for N/100 lines (alone, or as -p: a bar)',
    )
    .option('-q, --quiet', 'print nothing but errors');
}
