/**
 * What was tried again by a few lines of Python over a socket, with nothing of ours, by program and rule, and what was seen then. The
 * versions are those of the pages.
 */
export const byHand: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'qemu-nbd': {
    'S54/write-behind-the-end': 'yes: a write at the end of the export fails with 22 (EINVAL)',
    'S52/outstanding':
      'yes: of 16 reads of 64 KiB with DISC behind them, 3 were answered, and the connection was closed in the middle of the fourth answer. Another time, all 16 were: it depends on when the server reads DISC',
    'S29/trailing-bytes': 'yes: the connection is closed, and qemu-nbd says "Bad magic received"',
    'S74/filter-without-selection':
      'yes: the process ends with "nbd_co_block_status_payload_read: Assertion `client->contexts.exp == client->exp\' failed". Any client that is let in can do this',
  },
  nbdkit: {
    'S38/errors-by-chunks': 'yes: the answer begins with 67446698, the magic number of a simple reply',
    'S52/disc':
      'not always: the connection was closed at once when tried by hand. Of its 16 threads for requests, the one that reads DISC is not always the last one to read',
    'S52/outstanding': 'not always: 16 answers came, and then the end, when tried by hand; see S52/disc',
    'S29/trailing-bytes': 'yes: the context is selected, and ACK follows',
    'S59/fast-zero-not-announced':
      'yes: the process ends with "backend_zero: Assertion `c->can_fast_zero == 1\' failed". Any client that is let in, and may write, can do this; nbdsh with strict mode off is enough',
  },
  'nbd-server': {
    'S2/unknown-flag': 'yes: with the client flags 0x43, LIST is answered',
    'S4/abort': 'yes: the connection is reset, and no ACK comes',
    'S4/abort-with-data': 'yes: the connection is reset',
    'S5/list-with-data':
      'yes: LIST with 4 bytes is refused as it should be, but then it is answered as well, so that the next answer is that of LIST',
    'S8/same': 'yes: the size in the answer to INFO is 0, and in that to GO 8388608',
    'S10/name-longer-than-option':
      'yes: the option is refused with ERR_INVALID, but its bytes are not skipped, and the next option is misread ("magic mismatch")',
    'S10/more-requests-than-there-are': 'yes: no answer within 3 seconds; the server waits for bytes behind the option',
    'S10/shorter-than-its-fields': 'yes: no answer within 3 seconds',
    'S10/trailing-bytes': 'yes: the connection is reset',
    'G2/name-too-long': 'yes: refused with ERR_INVALID, but its bytes are not skipped',
    'S56/flag-of-other-command':
      'yes: READ with NO_HOLE succeeds; with REQ_ONE and with FAST_ZERO it fails with EINVAL',
    'S38/read-errors-by-chunks':
      'yes: a READ with the flag 0x8000 is answered by a simple reply, after structured replies were agreed on',
    'S38/errors-by-chunks': 'yes: a simple reply',
    'S46/df': 'yes: 16 bytes come, a simple reply with an error, and no chunk, although SEND_DF is announced',
    'S46/long-df': 'yes: as S46/df',
  },
};
