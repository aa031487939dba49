/** How `nbd replay` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Sends the requests of a recording to a server, and compares its answers with the recorded ones: whether an update of a server still answers as the one before. Requests that change the export are left out, unless --destructive is given.',
  ],
  examples: [
    { line: 'nbd replay session.rec nbd://localhost', what: 'as fast as answers come' },
    {
      line: 'nbd replay --speed 1 session.rec [ nbdkit file disk.img ]',
      what: 'at the recorded times, to a server of its own',
    },
  ],
  exitCodes: { 2: 'answers differ' },
};
