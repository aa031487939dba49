/**
 * Images after a crash, judged by QEMU: some of few changes, and with `NBDJS_LONG=1` a cut after every step of 10,000 changes, of which one in a
 * thousand is judged by QEMU, too, and all by us. `NBDJS_CHANGES` is another number of changes. A long run takes most of an hour.
 *
 * @module-tag slow
 */
import { writeFileSync } from 'node:fs';
import { createWorkspace, describePeers, runPeer, type Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { crashShapes, diskBelow, runCrashes } from './support/crash-run.ts';
import { firstDifference, openImage, rawDisk, readDisk } from './support/qemu-images.ts';

const isLong = process.env.NBDJS_LONG === '1';
const changes = isLong ? Number(process.env.NBDJS_CHANGES ?? 10_000) : 80;
const cutShare = isLong ? 1 : 0.06;
const cutsPerJudge = isLong ? 1000 : 5;

describePeers('images after a crash', ['qemu-img'], (generation) => {
  let workspace: Workspace;

  beforeEach(async () => {
    workspace = await createWorkspace(generation);
  });

  afterEach(() => workspace[Symbol.asyncDispose]());

  /** QEMU finds no corruption, and reads what we read. Clusters that are used by nothing are what a crash may leave. */
  async function judge(image: Uint8Array, where: string, isLazy: boolean): Promise<void> {
    writeFileSync(workspace.hostPath('crashed'), image);
    const repair = isLazy ? ['-r', 'all'] : [];
    const args = ['check', '-q', ...repair, '-f', 'qcow2', workspace.peerPath('crashed')];
    const { code, stdout, stderr } = await runPeer('qemu-img', workspace.generation, args);
    expect([0, 3], `${where}: ${stdout}${stderr}`).toContain(code);
    const device = await openImage(workspace, 'crashed');
    const disk = await readDisk(device, 2 ** 20);
    await device.close();
    expect(firstDifference(disk, await rawDisk(workspace, 'crashed')), where).toBeUndefined();
  }

  it.each(Object.entries(crashShapes))(
    'are valid: %s',
    { timeout: isLong ? 4 * 3_600_000 : 20_000 },
    async (name, { shape, bytes }) => {
      writeFileSync(workspace.hostPath('below'), diskBelow(bytes));
      let passed = 0;
      const started = performance.now();
      const { cuts, steps } = await runCrashes({
        name,
        shape,
        bytes,
        changes,
        cutShare,
        judge: async (image, where) => {
          if (passed++ % cutsPerJudge === 0) await judge(image, where, shape.lazyRefcounts === true);
        },
      });
      if (isLong) {
        const seconds = ((performance.now() - started) / 1000).toFixed(0);
        console.log(`${name}: ${changes} changes, ${steps} steps, ${cuts} cuts, ${seconds} s`);
        expect(cuts).toBe(steps);
      }
      expect(passed).toBeGreaterThan(0);
    },
  );
});
