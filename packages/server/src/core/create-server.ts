/** The server where there is no Node. */
import { withoutRules } from '../admission/client-filter.ts';
import { makeServer, type Server } from '../server.ts';
import type { ServerOptions } from '../server-options.ts';

/**
 * Makes a server that listens nowhere: `accept` gives it its clients, each as a `ByteChannel`.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when an option is wrong, and `ERR_NBD_NOT_SUPPORTED` when there are `access` rules, which need Node.
 */
export function createServer(options: ServerOptions): Server {
  return makeServer(options, withoutRules);
}
