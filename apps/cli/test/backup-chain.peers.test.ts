/**
 * Incremental backups of a disk that is written to: a full copy and files of changes, each of one moment, restored and compared with the disk
 * of that moment.
 *
 * @module-tag slow
 */
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type NbdClient } from '@nbdjs/client';
import { describePeers, makeQcow2, runPeer, type StorageDaemon, startStorageDaemon } from '@nbdjs/peers';
import { seededRandom } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const kibi = 1024;
const size = 24 * 2 ** 20;

/** The virtual machine: what it writes is written to a copy of the disk in memory as well. */
class Machine {
  readonly content = Buffer.alloc(size);
  readonly #disk: NbdClient;
  readonly #random: () => number;

  constructor(disk: NbdClient, seed: number) {
    this.#disk = disk;
    this.#random = seededRandom(seed);
  }

  /** Writes and zeroes here and there, and at the very end. */
  async work(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      const offset = Math.floor((this.#random() * size) / 4096) * 4096;
      const length = Math.min(Math.ceil(this.#random() * 80) * 4 * kibi, size - offset);
      const bytes = Buffer.alloc(length, turn % 4 === 3 ? 0 : 1 + Math.floor(this.#random() * 255));
      if (turn % 4 === 3) await this.#disk.writeZeroes(offset, length);
      else await this.#disk.write(offset, bytes);
      bytes.copy(this.content, offset);
    }
    const last = Buffer.alloc(512, turns);
    await this.#disk.write(size - 512, last);
    last.copy(this.content, size - 512);
    await this.#disk.flush();
  }
}

/** The moments of a disk that are backed up, with the commands that QEMU takes. */
class Moments {
  readonly #daemon: StorageDaemon;
  #number = 0;
  /** The bitmap that has everything since the last backup that is complete. */
  #bitmap: string | undefined;

  constructor(daemon: StorageDaemon) {
    this.#daemon = daemon;
  }

  /** Holds a moment for `backup`. Only when that has succeeded, the bitmap that it was made by goes away. */
  async hold(backup: (uri: string, context: string | undefined) => Promise<boolean>): Promise<void> {
    const { qmp, server } = this.#daemon;
    const next = `b${this.#number++}`;
    const last = this.#bitmap;
    const scratch = `scratch${this.#number}`;
    await makeQcow2(workspace, `${scratch}.qcow2`, { size });
    const file = { driver: 'file', filename: workspace.peerPath(`${scratch}.qcow2`) };
    await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': scratch, backing: 'disk', file });
    const job = { 'job-id': 'backup', device: 'disk', target: scratch, sync: 'none' };
    const disable = { type: 'block-dirty-bitmap-disable', data: { node: 'disk', name: last } };
    await qmp.execute('transaction', {
      actions: [
        { type: 'block-dirty-bitmap-add', data: { node: 'disk', name: next } },
        ...(last === undefined ? [] : [disable]),
        { type: 'blockdev-backup', data: job },
      ],
    });
    const bitmaps = last === undefined ? [] : [{ node: 'disk', name: last }];
    await qmp.execute('block-export-add', { type: 'nbd', id: 'backup', 'node-name': scratch, name: 'disk', bitmaps });
    const isDone = await backup(server.uri('disk'), last && `qemu:dirty-bitmap:${last}`);
    await qmp.execute('block-export-del', { id: 'backup', mode: 'hard' });
    await qmp.event('BLOCK_EXPORT_DELETED');
    await qmp.execute('block-job-cancel', { device: 'backup' });
    await qmp.event('BLOCK_JOB_CANCELLED');
    await qmp.execute('blockdev-del', { 'node-name': scratch });
    // What a backup that failed should have had is kept for the next one.
    if (!isDone && last !== undefined) {
      await qmp.execute('block-dirty-bitmap-merge', { node: 'disk', target: next, bitmaps: [last] });
    }
    if (last !== undefined) await qmp.execute('block-dirty-bitmap-remove', { node: 'disk', name: last });
    this.#bitmap = next;
  }
}

describePeers(
  'incremental backups',
  ['qemu-storage-daemon', 'qemu-img'],
  (generation) => {
    inWorkspace(generation);

    const at = (name: string): string => workspace.hostPath(name);
    const ok = { code: 0, stderr: '' };

    /** Makes a full copy and five files of changes, one of them after one that failed. Returns the disk of each moment. */
    async function backUp(): Promise<readonly Buffer[]> {
      await makeQcow2(workspace, 'disk.qcow2', { size });
      await using daemon = await startStorageDaemon(workspace, { image: 'disk.qcow2', format: 'qcow2', node: 'disk' });
      const machine = { type: 'nbd', id: 'machine', 'node-name': 'disk', name: 'machine', writable: true };
      await daemon.qmp.execute('block-export-add', machine);
      await using disk = await connect(daemon.server.uri('machine'));
      const writer = new Machine(disk, 7);
      const moments = new Moments(daemon);
      const contents: Buffer[] = [];
      await writer.work(30);
      await moments.hold(async (uri) => {
        contents.push(Buffer.from(writer.content));
        // While the moment is held, the machine goes on.
        await writer.work(6);
        expect(await nbd('copy', '--state', at('full.state'), uri, at('full.img'))).toMatchObject(ok);
        return true;
      });
      let after = at('full.state');
      for (let number = 1; number <= 5; number++) {
        await writer.work(8);
        if (number === 3) await moments.hold((uri, context) => failingBackup(writer, uri, context as string, after));
        await moments.hold(async (uri, context) => {
          contents.push(Buffer.from(writer.content));
          await writer.work(3);
          const file = at(`${number}.changes`);
          const options = ['--changed', context as string, '--after', after, '--verify'];
          expect(await nbd('copy', ...options, uri, file)).toMatchObject(ok);
          after = file;
          return true;
        });
      }
      return contents;
    }

    /** A backup that is interrupted: no file is left, and no change may be lost. */
    async function failingBackup(writer: Machine, uri: string, context: string, after: string): Promise<boolean> {
      const abort = new AbortController();
      const copy = ['copy', '--changed', context, '--after', after, '--rate', '64k', uri, at('failed.changes')];
      const copying = nbdWith({ signal: abort.signal }, ...copy);
      setTimeout(() => abort.abort(new Error('the network is gone')), 100);
      await writer.work(3);
      expect((await copying).code).not.toBe(0);
      expect(statSync(at('failed.changes'), { throwIfNoEntry: false })).toBeUndefined();
      return false;
    }

    it('bring back the disk of each moment, and are refused in any other order', async () => {
      const contents = await backUp();
      const same = (path: string, moment: number) =>
        Buffer.compare(readFileSync(path), contents[moment] as Buffer) === 0;
      const [disk, state] = [at('restored.img'), at('restored.state')];
      copyFileSync(at('full.img'), disk);
      copyFileSync(at('full.state'), state);
      expect(same(disk, 0)).toBe(true);
      const apply = (number: number, ...options: string[]) =>
        nbd('copy', '--apply', '--state', state, ...options, at(`${number}.changes`), disk);
      const early = await apply(2);
      expect(early).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/follow the backup [0-9a-f]{32}, and the copy holds/),
      });
      for (let number = 1; number <= 5; number++) {
        expect(await apply(number, '--verify')).toMatchObject(ok);
        expect(same(disk, number)).toBe(true);
        // The changes of the last day are fewer than the disk.
        expect(statSync(at(`${number}.changes`)).size).toBeLessThan(size / 2);
      }
      expect((await apply(1)).stderr).toMatch(/follow the backup/);
      expect(same(disk, 5)).toBe(true);

      // The same into an image, and by a pipe to a server.
      const peer = (name: string) => workspace.peerPath(name);
      const convert = ['convert', '-f', 'raw', '-O', 'qcow2', peer('full.img'), peer('restored.qcow2')];
      expect((await runPeer('qemu-img', generation, convert)).code).toBe(0);
      let after = at('full.state');
      for (let number = 1; number <= 5; number++) {
        const file = at(`${number}.changes`);
        expect(await nbd('copy', '--apply', '--after', after, file, at('restored.qcow2'))).toMatchObject(ok);
        after = file;
      }
      const compare = ['compare', '-f', 'qcow2', '-F', 'raw', peer('restored.qcow2'), peer('restored.img')];
      expect((await runPeer('qemu-img', generation, compare)).stdout.toString()).toBe('Images are identical.\n');
    }, 60_000);

    it('are not applied when they are cut or damaged, and leave the copy alone', async () => {
      await backUpOnce();
      const before = readFileSync(at('full.img'));
      const whole = readFileSync(at('1.changes'));
      truncateSync(at('1.changes'), whole.length - 30);
      const apply = () => nbd('copy', '--apply', '--state', at('full.state'), at('1.changes'), at('full.img'));
      expect(await apply()).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('the file ends in the middle of a record'),
      });
      const damaged = Buffer.from(whole);
      damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] as number) ^ 1;
      writeFileSync(at('1.changes'), damaged);
      expect(await apply()).toMatchObject({ code: 1, stderr: expect.stringContaining('its checksum is') });
      expect(Buffer.compare(readFileSync(at('full.img')), before)).toBe(0);
      writeFileSync(at('1.changes'), whole);
      expect(await apply()).toMatchObject(ok);
      expect(Buffer.compare(readFileSync(at('full.img')), before)).not.toBe(0);
    });

    async function backUpOnce(): Promise<void> {
      await makeQcow2(workspace, 'disk.qcow2', { size });
      await using daemon = await startStorageDaemon(workspace, { image: 'disk.qcow2', format: 'qcow2', node: 'disk' });
      const machine = { type: 'nbd', id: 'machine', 'node-name': 'disk', name: 'machine', writable: true };
      await daemon.qmp.execute('block-export-add', machine);
      await using disk = await connect(daemon.server.uri('machine'));
      const moments = new Moments(daemon);
      await moments.hold(async (uri) => {
        expect(await nbd('copy', '--state', at('full.state'), uri, at('full.img'))).toMatchObject(ok);
        return true;
      });
      await new Machine(disk, 3).work(10);
      await moments.hold(async (uri, context) => {
        const options = ['--changed', context as string, '--after', at('full.state')];
        expect(await nbd('copy', ...options, uri, at('1.changes'))).toMatchObject(ok);
        return true;
      });
    }
  },
  ['trixie'],
);
