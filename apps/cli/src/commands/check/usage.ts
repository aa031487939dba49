/** How `nbd check` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Takes a server through the rules of the NBD specification: the handshake, options in odd orders, lengths that lie, limits, TLS, every command with good and bad arguments, metadata contexts, several connections, and the end of sessions. For each rule it prints whether the server keeps it, with the bytes that show it. Nothing is changed on the server, unless --destructive is given.',
    'With --client it is the other way round: the command of a client is run against odd servers, and the rules that the client breaks are printed.',
  ],
  examples: [
    { line: 'nbd check nbd://localhost', what: 'examine a server, changing nothing' },
    { line: 'nbd check --destructive --yes [ nbdkit memory 1G ]', what: 'with all commands, on a server of its own' },
    { line: 'nbd check --junit report.xml nbd://localhost', what: 'for a build server' },
    { line: 'nbd check --client -- qemu-img info {uri}', what: 'examine a client' },
  ],
  exitCodes: { 2: 'a MUST of the specification is broken' },
};
