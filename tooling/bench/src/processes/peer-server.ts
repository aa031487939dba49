/** A server of another project, on the processor for servers. */
import type { PeerServer } from '@nbdjs/peers';
import { ServerCost } from './measured-server.ts';
import type { Pinning } from './pinning.ts';

/** Where a server is, and what it uses. */
export interface MeasuredServer {
  readonly uri: string;
  readonly cost: ServerCost;
}

/** Moves a server that runs, and measures it from now on. Who has started it ends it. */
export function measuredPeer(server: PeerServer, pinning: Pinning): MeasuredServer {
  pinning.move('server', server.pid);
  return { uri: server.uri(), cost: new ServerCost([server.pid]) };
}
