/** How `nbd zero` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Makes a device, or a part of it, read as zeroes, as nbdzero does. It asks first, when it is run at a terminal; elsewhere it needs --yes.',
  ],
  examples: [
    { line: 'nbd zero nbd://localhost/disk', what: 'all of it, after a question' },
    { line: 'nbd zero --offset 1M --length 64k --yes nbd://localhost/disk', what: 'a part, in a script' },
    { line: 'nbd zero --check nbd://localhost/disk', what: 'is it zero already?' },
  ],
  exitCodes: {
    0: 'done; with --check: it is known to be zero',
    1: 'the answer to the question was no; with --check: it is not known to be zero',
    2: 'failed',
  },
};
