/** How the program as a whole is used. */
import type { Usage } from './usage.ts';

export const programUsage: Usage = {
  details: [
    'Looks at disks that are served by NBD (Network Block Device), copies them, serves them, and examines servers. Each of the commands has a manual page of its own, such as nbd-copy(1), and `nbd help COMMAND` shows a shorter one.',
    'Sizes are in bytes, or have a unit: 64k, 1M, 10GiB, where k and K are 1024. Colours are used on terminals, unless NO_COLOR is set.',
  ],
  notes: [
    {
      title:
        'Servers: an NBD URI (nbds:// and nbds+unix:// demand TLS), or a command that is started by systemd socket activation',
      lines: ['nbd://host[:port]/export    nbd+unix:///export?socket=PATH    [ qemu-nbd -r -f qcow2 disk.qcow2 ]'],
    },
  ],
  examples: [
    { line: 'nbd info nbd://localhost', what: 'what a server offers' },
    { line: 'nbd map disk.qcow2', what: 'where a disk has data, as a picture' },
    { line: 'nbd copy nbd://localhost/disk disk.img', what: 'a copy without the holes' },
    { line: 'nbd serve --socket /run/nbd.sock disk.img', what: 'a server on a Unix socket' },
    { line: 'nbd check nbd://localhost', what: 'does a server keep the rules?' },
    { line: 'nbd certs && nbd serve --tls-certificates pki disk.img', what: 'a server with TLS' },
  ],
};
