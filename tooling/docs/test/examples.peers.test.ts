/** The examples that start programs of QEMU: those of the machine itself. */
import { generationsWith, peersRequired } from '@nbdjs/peers';
import { describe, it } from 'vitest';
import { examplesWithQemu, expectToRun } from './support/run-example.ts';

const isThere = generationsWith(['qemu-img', 'qemu-nbd']).includes('bookworm');

describe.runIf(isThere || peersRequired())('examples with QEMU', () => {
  it.each(examplesWithQemu)('%s', expectToRun);
});
