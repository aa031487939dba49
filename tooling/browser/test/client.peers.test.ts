/** The client and the server against each other, in Chromium. */
import { describeTools } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { runPage } from '../src/chromium.ts';

interface PairResult {
  readonly written: readonly number[];
  readonly expected: readonly number[];
}

describeTools('a client and a server in Chromium', ['chromium'], () => {
  it('serve and copy a file in a page, and survive the loss of their connection', { timeout: 60_000 }, async () => {
    const result = await runPage<PairResult>({ page: 'pair-page.ts' });
    expect(result).toMatchObject({
      mode: 'extended',
      isReadOnly: true,
      isSame: true,
      isAbandoned: true,
      unknown: 'ERR_NBD_UNKNOWN_EXPORT',
      // One for the image, two for the disk, one for the export that is not there.
      connections: 4,
      node: { process: 'undefined', Buffer: 'undefined' },
      sessions: 0,
    });
    expect(result.written).toEqual(result.expected);
  });

  it('reach each other in a page and its worker', { timeout: 60_000 }, async () => {
    const result = await runPage<{ mebibytesPerSecond: number }>({
      page: 'worker-page.ts',
      worker: 'server-worker.ts',
    });
    expect(result).toMatchObject({ isSame: true, first: 1 });
    expect(result.mebibytesPerSecond).toBeGreaterThan(1);
  });

  it('are connected by a worker, and again after a loss', { timeout: 60_000 }, async () => {
    const result = await runPage<{ mebibytesPerSecond: number }>({
      page: 'connector-page.ts',
      worker: 'connector-worker.ts',
    });
    expect(result).toMatchObject({ exportName: 'disk', isSame: true });
    expect(result.mebibytesPerSecond).toBeGreaterThan(1);
  });
});
