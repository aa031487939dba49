/** How `nbd relay` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: [
    'Serves the disk that a page in a browser offers, or another server that cannot be connected to: it connects to us by WebSocket, and NBD clients connect to the relay. When the page is gone, clients wait for its return.',
  ],
  examples: [{ line: 'nbd relay 8080 --socket /run/nbd.sock', what: 'pages come to port 8080, clients to the socket' }],
};
