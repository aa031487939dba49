/** Names of servers whose endpoint is not known, for messages. */
import type { PeerDescription } from '@nbdjs/interfaces';
import { formatUri } from '@nbdjs/protocol';

/** Returns the NBD URI of a channel's peer, without an export, or what the channel calls it. */
export function nameOfPeer({ transport, name }: PeerDescription): string {
  if (transport === 'tcp') return `nbd://${name}`;
  if (transport !== 'unix') return name;
  return formatUri({
    address: { transport: 'unix', path: name },
    tlsRequired: false,
    tls: {},
    exportName: '',
    extensions: {},
  });
}
