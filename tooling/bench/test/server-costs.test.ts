/**
 * The same as client-costs.peers.test.ts, for the server.
 *
 * @module-tag slow
 */
import { describe, expect, it } from 'vitest';
import { boundedLoads, costsOfServer } from './support/costs-per-request.ts';

describe('what a request costs the server', () => {
  it.each(boundedLoads)('is bounded for a $name', async ({ server: bound, ...load }) => {
    const costs = await costsOfServer(load);
    expect(costs.calls).toBeLessThanOrEqual(bound.calls);
    expect(costs.heapBytes).toBeLessThanOrEqual(bound.heapBytes);
  });
});
