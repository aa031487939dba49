/** How `nbd attach` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Makes an export a block device of Linux. The kernel talks to this program, and this program to the server: with TLS, by several connections, and by new ones when they are lost. While a server is away, requests of the device wait for it, and what was written and not flushed is written again. The program stays until the device is detached: by a signal, or by `nbd detach`.',
    "It needs root, and the kernel's module nbd (modprobe nbd). On the first signal it waits until no file system on the device is mounted any more, writes what the kernel has in memory, and detaches.",
  ],
  examples: [
    { line: 'nbd attach nbds://storage/disk', what: 'as the first device that is free' },
    { line: 'nbd attach nbd://localhost/disk /dev/nbd3 --read-only', what: 'as this one, to look at it' },
    { line: 'nbd attach --timeout 60 nbd://localhost/disk', what: 'I/O errors when the server is away for a minute' },
    { line: 'nbd attach --take-over nbd://localhost/disk /dev/nbd3', what: 'go on after a crash of this program' },
  ],
  exitCodes: { 0: 'detached' },
};
