/**
 * A request must not come to need more system calls or more memory: bounds that are stored, in test/support/cost-bounds.json. They count,
 * and measure no time. Who makes requests cheaper lowers them.
 */
import { describePeers, startNbdkit, Workspace } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { boundedLoads, costsOfClient } from './support/costs-per-request.ts';

describePeers('what a request costs the client', ['nbdkit'], (generation) => {
  it.each(boundedLoads)('is bounded for a $name', async ({ client: bound, ...load }) => {
    using workspace = new Workspace(generation);
    await using server = await startNbdkit(workspace, ['null', 'size=64M']);
    const costs = await costsOfClient(server.uri(), load);
    expect(costs.calls).toBeLessThanOrEqual(bound.calls);
    expect(costs.heapBytes).toBeLessThanOrEqual(bound.heapBytes);
  });
});
