/** Devices over what a browser stores, in Chromium. */
import { describeTools } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { runPage } from '../src/chromium.ts';

const passed = { rules: expect.any(Number), failures: [] };

describeTools('devices in Chromium', ['chromium'], () => {
  it('keep the rules in a worker, and are read in a page', { timeout: 60_000 }, async () => {
    const result = await runPage({ page: 'storage-page.ts', worker: 'storage-worker.ts' });
    expect(result).toEqual({
      inWorker: {
        opfs: passed,
        memory: passed,
        blob: passed,
        locked: 'EPERM',
        missing: 'EIO',
        size: '1000000',
        readOnly: true,
        bytes: [1, 2, 3, 0],
        node: { process: 'undefined', Buffer: 'undefined' },
      },
      inPage: { bytes: [1, 2, 3, 0], refused: 'ERR_NBD_NOT_SUPPORTED' },
    });
  });
});
