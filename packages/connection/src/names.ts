/** Names of servers for messages: NBD URIs where there are any. */
import { formatUri, type UriAddress } from '@nbdjs/protocol';
import { describeEndpoint, type Endpoint } from '@nbdjs/transport';

/** Returns `nbd://host:port/export`, `nbd+unix:///export?socket=/path`, or a description of an endpoint that has no URI. */
export function nameOfEndpoint(endpoint: Endpoint, exportName = '', tlsRequired = false): string {
  const address = addressOf(endpoint);
  if (address === undefined) return describeEndpoint(endpoint);
  return formatUri({ address, tlsRequired, tls: {}, exportName, extensions: {} });
}

function addressOf(endpoint: Endpoint): UriAddress | undefined {
  switch (endpoint.type) {
    case 'tcp':
      return { transport: 'tcp', host: endpoint.host, port: endpoint.port };
    case 'unix':
      return { transport: 'unix', path: endpoint.path };
    case 'vsock':
      return { transport: 'vsock', cid: endpoint.cid, port: endpoint.port };
    default:
      return undefined;
  }
}
