/** How `nbd manual` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Prints the manual page of a command, which has all that its help has and some paragraphs more. An installation by `npm install --global` has these pages for man(1) as well, as nbd(1), nbd-copy(1) and so on.',
  ],
  examples: [
    { line: 'nbd manual copy', what: 'read it' },
    { line: 'nbd manual --format man objects create | man -l -', what: 'the same by man(1)' },
    { line: 'nbd manual --format json copy', what: 'its options as data' },
    { line: 'nbd manual --format man --directory ~/.local/share/man/man1', what: 'all pages, as files' },
  ],
};
