/** The three deliveries of connections, and connections over a transport of the caller's, tested by the same rules. */
import type { OpenChannelOptions } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { connectorConformance } from '@nbdjs/testkit';
import { connectEndpoint } from '@nbdjs/transport';
import { createPortConnector, serveConnector } from '../src/core/index.ts';
import { createConnector, createOpenerConnector, type Delivery } from '../src/index.ts';
import { nameOfEndpoint } from '../src/names.ts';

/** Where descriptors cannot be duplicated, nothing can be handed over. */
const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['inline', 'handed-over', 'kept']
  : ['inline', 'kept'];

for (const delivery of deliveries) {
  connectorConformance(delivery, {
    create: ({ exportName, ...settings }) =>
      createConnector({ ...settings, delivery, handshake: { exportName } }).connector,
  });
}

connectorConformance('an opener', {
  create: ({ exportName, endpoint, ...settings }) =>
    createOpenerConnector({
      ...settings,
      opener: { name: nameOfEndpoint(endpoint), open: ({ signal }) => connectEndpoint(endpoint, { signal }) },
      handshake: { exportName },
    }),
});

connectorConformance('an opener, behind a port', {
  create({ exportName, endpoint, ...settings }) {
    const { port1, port2 } = new MessageChannel();
    const opener = {
      name: nameOfEndpoint(endpoint),
      open: (options: OpenChannelOptions) => connectEndpoint(endpoint, options),
    };
    serveConnector(port2, createOpenerConnector({ ...settings, opener, handshake: { exportName } }));
    return createPortConnector(port1);
  },
});
