/** How `nbd discard` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Gives back the storage of a device, or of a part of it, as nbddiscard and blkdiscard do. What is read afterwards is not defined. It asks first, when it is run at a terminal; elsewhere it needs --yes.',
  ],
  examples: [
    { line: 'nbd discard nbd://localhost/disk', what: 'all of it, after a question' },
    { line: 'nbd discard --offset 1G --yes nbd://localhost/disk', what: 'all behind the first GiB, in a script' },
  ],
  exitCodes: {
    0: 'done; with --check: nothing is stored there',
    1: 'the answer to the question was no; with --check: something is stored there',
    2: 'failed',
  },
};
