/** How `nbd proxy` is used. */
import type { Note, Usage } from '../../options/usage.ts';

const faults: Note = {
  title: 'Faults: WHICH: WHEN: WHAT, where a part can be left out; what is said first does not matter',
  lines: [
    'which   read, write, flush, trim, zero, cache, block-status, any; option [NAME];',
    '        offset FROM..TO, length FROM..TO, connection N',
    'when    P%, after N, every N, first N, once',
    'what    delay [reply] TIME, error NAME, drop [reply], cut [reply], disconnect',
  ],
};

export const usage: Usage = {
  details: [
    'Stands between clients and a server. All bytes pass as they are, and each message is printed, or recorded in a file for nbd trace and nbd replay. With --fault it delays messages, drops them, cuts connections, or answers with errors, so that a client or a server can be tried under trouble.',
  ],
  examples: [
    { line: 'nbd proxy --socket /tmp/p.sock nbd://localhost', what: 'print what a client and a server say' },
    {
      line: 'nbd proxy --record session.rec --record-max 100M nbd://localhost',
      what: 'record it, in a file that stays small',
    },
    { line: "nbd proxy --fault 'read: 1%: delay 50ms' nbd://localhost", what: 'a slow server' },
    { line: "nbd proxy --fault 'write: after 100: once: disconnect' nbd://localhost", what: 'a server that goes' },
  ],
  notes: [faults],
};
