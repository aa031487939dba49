/**
 * A crash at any moment: of what was not flushed, any part may be lost, down to sectors. The image has to be valid, and to have all that was
 * flushed. A cut after every step of 10,000 changes is in `qcow2-crash.peers.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { crashShapes, runCrashes } from './support/crash-run.ts';

describe('an image after a crash', () => {
  it.each(Object.entries(crashShapes))(
    'is valid, and has what was flushed: %s',
    { tags: ['slow'] },
    async (name, shape) => {
      const { cuts } = await runCrashes({ name, ...shape, changes: 200, cutShare: 0.02 });
      expect(cuts).toBeGreaterThan(5);
    },
  );
});
