/** How `nbd serve` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Serves files, block devices, disk images, disks in stores of objects, memory, or other NBD servers, until it is ended. By default it listens on the TCP port 10809 of this machine only.',
    'SIGINT and SIGTERM end it in order: requests in flight are answered, and what was written is flushed. With TLS, SIGHUP reads certificates and keys again.',
  ],
  examples: [
    { line: 'nbd serve disk.img', what: 'on 127.0.0.1:10809' },
    { line: 'nbd serve --socket /run/nbd.sock disk.qcow2', what: 'an image, on a Unix socket' },
    { line: 'nbd serve system=disk.img scratch=memory:1G', what: 'two exports with names' },
    { line: "nbd serve --bind '*' --tls-certificates pki disk.img", what: 'for other machines, with TLS' },
    { line: 'nbd serve --fork --pid-file nbd.pid disk.img', what: 'in the background' },
    { line: 'nbd serve --snapshot disk.img', what: 'writes are kept in memory' },
    { line: 'nbd serve nbds://host/disk', what: 'pass on the disk of another server, and wait for it when it is gone' },
  ],
};
