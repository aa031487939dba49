/** How `nbd bench` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Makes requests to a server through the client of nbdjs, and prints how many were answered and how long that took. Without options it reads 4 KiB at random places for ten seconds, 32 requests at a time, and changes nothing. Requests that fail are counted and named. Ctrl-C ends it early, with what was measured until then.',
    'With --rate, requests begin at their moments however long the answers take, and latencies count from these moments: a server that stops for a second shows all the slow requests that its users would have seen.',
    'With several servers, they take turns, so that what changes on the machine meanwhile changes all of them. Ratios compare each with the first one in the same round.',
    'Writing destroys what is on the server. It asks first, when it is run at a terminal; elsewhere it needs --yes. With --verify, blocks that were written have to be read as they were written; the first difference ends the load.',
  ],
  examples: [
    { line: 'nbd bench nbd://localhost/disk', what: 'random reads of 4 KiB, for ten seconds' },
    { line: 'nbd bench --read 70% --size 4k-64k --depth 16 --time 1m nbd://localhost/disk', what: 'mixed; asks first' },
    { line: 'nbd bench --rate 500 nbd://localhost/disk', what: 'how quick is it at 500 requests a second?' },
    { line: 'nbd bench --pattern sequential --size 1M nbd://old/disk nbd://new/disk', what: 'two servers in turns' },
    {
      line: 'nbd bench --write --verify --count 100000 --yes nbd://localhost/scratch',
      what: 'does it keep what is written?',
    },
  ],
  exitCodes: {
    0: 'done, and all requests were answered without an error',
    1: 'a request has failed, what was read is not what was written, or it could not be run',
  },
};
