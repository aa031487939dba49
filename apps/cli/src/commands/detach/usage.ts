/** How `nbd detach` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Has the kernel write what it has in memory, and detaches the device from its server, whichever program has attached it. A device that is in use (mounted, for example) stays, unless --force is given.',
    'Of a device whose program has ended there is nobody to write to: what the kernel has in memory is lost, and the device is free again.',
  ],
  examples: [
    { line: 'nbd detach /dev/nbd0', what: 'one device' },
    { line: 'nbd detach --all', what: 'all that are attached, those of other programs as well' },
  ],
};
