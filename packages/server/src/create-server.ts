/** The server in Node. */
import { AccessList } from './admission/access-list.ts';
import { makeServer, type Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';

/**
 * Makes a server that listens nowhere: `accept` gives it its clients. See `serve` for a server with a listener.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when an option is wrong; and what `tls` throws when it cannot read its files.
 */
export function createServer(options: ServerOptions): Server {
  return makeServer(options, (rules) => new AccessList(rules));
}
