/** The command line of `nbd certs`. */
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { count } from '../../options/size.ts';
import { usage } from './usage.ts';

export type CertsOptions = OptionsOf<typeof declareCerts>;

export function declareCerts(context: CommandContext) {
  const command = beginCommand(context, 'certs', 'make certificates or shared keys for TLS', usage)
    .argument('[folder]', 'where the files go (default: pki)')
    .option('-d, --directory <folder>', 'the same')
    .option('--host <name...>', 'names and IP addresses of the server (default: localhost 127.0.0.1 ::1)')
    .option('--client <name>', 'name of the client, such as alice or CN=alice,O=Example (default: client)')
    .option('--days <n>', 'how many days the certificates are valid', count('--days', 1, 36_500), 365)
    .option('--psk <user...>', 'make keys that these users share with the server, instead of certificates')
    .option('--authority <folder>', 'use the authority in that folder instead of making a new one')
    .option('--revoke <certificate...>', 'make ca-crl.pem, the list of revoked certificates, with these')
    .option('--passphrase-file <file>', "file whose first line encrypts the keys, and decrypts the authority's")
    .option('-f, --force', 'replace files that are there');
  return addGroups(command, colourOptions()).option('-v, --verbose', 'print more about errors');
}
