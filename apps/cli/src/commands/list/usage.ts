/** How `nbd list` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Prints the block devices /dev/nbdN that are attached, one in a line: size, the process that has attached each, and the server, where the kernel knows it (Linux 5.14 or later, and devices of nbd attach). It needs no rights. With devices, the exit code says whether all of them are attached. What a server exports is listed by `nbd info --list`.',
  ],
  examples: [
    { line: 'nbd list', what: 'all that are attached' },
    { line: 'nbd list --json', what: 'for programs' },
    { line: 'nbd list /dev/nbd0 || echo free', what: 'ask in a script' },
  ],
  exitCodes: {
    0: 'done; with devices: all of them are attached',
    1: 'a device is not attached; or failed, and one line on standard error says what',
  },
};
