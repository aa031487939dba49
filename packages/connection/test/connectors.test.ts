/** The three deliveries of connections, tested by the same rules. */
import { capabilities } from '@nbdjs/syscalls';
import { connectorConformance } from '@nbdjs/testkit';
import { createConnector, type Delivery } from '../src/index.ts';

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
