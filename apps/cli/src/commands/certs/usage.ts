/** How `nbd certs` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Makes what TLS needs: an authority, a certificate for the server, and one for a client, in a folder with the names that qemu and nbdkit expect; or keys that users share with the server.',
  ],
  examples: [
    { line: 'nbd certs --host nbd.example.org 192.0.2.7', what: 'a folder pki for a server and a client' },
    { line: 'nbd certs --authority pki --client bob bob', what: 'another client of the same authority' },
    { line: 'nbd certs --psk alice bob', what: 'keys instead of certificates' },
  ],
};
