/** What follows the list of commands in the help. */
export const help = `
A server is an NBD URI (nbds:// and nbds+unix:// demand TLS), or a command in brackets that serves NBD by systemd socket activation:
  nbd://host[:port]/export    nbd+unix:///export?socket=PATH    [ qemu-nbd -r -f qcow2 disk.qcow2 ]

Examples:
  nbd info nbd://localhost
  nbd info --map --json nbd+unix:///?socket=/run/nbd.sock
  nbd copy nbd://localhost/disk disk.img
  nbd copy disk.img [ qemu-nbd -f qcow2 disk.qcow2 ]
  nbd serve --socket /run/nbd.sock disk.img
  nbd certs && nbd serve --tls-certificates pki disk.img`;
