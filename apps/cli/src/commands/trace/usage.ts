/** How `nbd trace` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Reads a recording that nbd proxy --record has made: the messages, the requests with their answers and how long these took, or figures for each command.',
  ],
  examples: [
    { line: 'nbd trace --requests session.rec', what: 'one line for each request' },
    { line: 'nbd trace --stats session.rec', what: 'counts, bytes and latencies of each command' },
    { line: 'nbd trace --requests --command read --slower 10 session.rec', what: 'reads that took longer than 10 ms' },
  ],
};
