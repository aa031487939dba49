/** How `nbd shell` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'A prompt of Node with the packages of nbdjs at hand, with completion and await. With -c or scripts it runs them and ends. Everything that was opened is closed at the end.',
    'Lines of the prompt are kept in $XDG_STATE_HOME/nbd/history, or ~/.local/state/nbd/history; --history or NBD_SHELL_HISTORY name another file.',
    'With --no-checks, requests go to the server as they were asked for: beyond the end, of no bytes, not aligned, too long, or not offered. It is for people who test servers.',
  ],
  notes: [
    {
      title: 'At hand',
      lines: [
        'client (or device)         the server of -u: await client.readBytes(0, 512)',
        'connect(uri, options)      another one; options are those of the package client',
        'negotiate(uri, options)    the options of the handshake: list(), info(NAME), go(NAME), abort() ...',
        'negotiation, go(NAME)      with --option-mode: the same of -u; go() makes client',
        'nbd, storage, images, copy, load   the packages, with layers such as storage.createDelayLayer',
        'print(...), hexdump(bytes, OFFSET) values and bytes, for people',
      ],
    },
  ],
  examples: [
    { line: 'nbd shell -u nbd://localhost/disk', what: 'a prompt' },
    { line: "nbd shell -u nbd://localhost/disk -c 'print(client.geometry.size)'", what: 'one line' },
    { line: 'nbd shell -u nbd://localhost/disk probe.js', what: 'a script, which may import others' },
    {
      line: "nbd shell -u nbd://localhost/ --option-mode -c 'print(await negotiation.list())'",
      what: 'ask, and open nothing',
    },
  ],
  exitCodes: { 0: 'all code has run', 1: 'code has failed, or the server cannot be connected to' },
};
