/** `nbd copy` of parts: ranges, and what a dirty bitmap marks; at a rate, with a report. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describePeers, makeQcow2, makeRawImage, qcow2WrittenByte, runPeer, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

describePeers('nbd copy of parts', ['qemu-nbd', 'qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  /** A disk with a bitmap of what was written after its first copy. */
  async function serveChanged(areas: readonly { readonly offset: number; readonly length: number }[]) {
    makeRawImage(workspace.hostPath('first.img'), 32 * mebi, [{ offset: 5 * mebi, length: 9 * mebi }]);
    await makeQcow2(workspace, 'disk.qcow2', { from: 'first.img', bitmaps: ['b0'], written: areas });
    const options = { image: 'disk.qcow2', format: 'qcow2', bitmaps: ['b0'], readOnly: true } as const;
    return startQemuNbd(workspace, options);
  }

  it('--changed brings an earlier copy up to date, and reads nothing else', async () => {
    const areas = [
      { offset: 65_536, length: 65_536 },
      { offset: 6 * mebi, length: 3 * mebi },
      { offset: 32 * mebi - 65_536, length: 65_536 },
    ];
    const server = await serveChanged(areas);
    const full = workspace.hostPath('full.img');
    // What is not marked is left as it is, even if it is something else.
    const before = readFileSync(workspace.hostPath('first.img'));
    before.fill(0xab, 20 * mebi, 21 * mebi);
    writeFileSync(full, before);
    const { code, stdout, stderr } = await nbd(
      'copy',
      '--changed',
      'qemu:dirty-bitmap:b0',
      '--json',
      server.uri(),
      full,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { offset, length } of areas) before.fill(qcow2WrittenByte, offset, offset + length);
    expect(Buffer.compare(readFileSync(full), before)).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      source: server.uri(),
      destination: full,
      changed: 'qemu:dirty-bitmap:b0',
      totalBytes: 3 * mebi + 131_072,
      readBytes: 3 * mebi + 131_072,
      writtenBytes: 3 * mebi + 131_072,
      verified: false,
    });
  });

  it('--changed --verify compares all of the disk', async () => {
    const server = await serveChanged([{ offset: mebi, length: mebi }]);
    const full = workspace.hostPath('full.img');
    writeFileSync(full, readFileSync(workspace.hostPath('first.img')));
    const copy = ['copy', '--changed', 'qemu:dirty-bitmap:b0', '--verify', server.uri(), full] as const;
    expect(await nbd(...copy)).toMatchObject({ code: 0, stderr: '' });
    const damaged = readFileSync(full);
    damaged[25 * mebi] = 1;
    writeFileSync(full, damaged);
    expect(await nbd(...copy)).toMatchObject({
      code: 1,
      stderr: `nbd: verification failed: source and destination differ at byte ${25 * mebi}\n`,
    });
  });

  it('--changed goes into an overlay that a server has, and leaves the full copy alone', async () => {
    const server = await serveChanged([{ offset: 10 * mebi, length: mebi }]);
    await makeQcow2(workspace, 'day.qcow2', { backing: { image: 'first.img', format: 'raw' } });
    const overlay = await startQemuNbd(workspace, { image: 'day.qcow2', format: 'qcow2', persistent: false });
    const copying = await nbd('copy', '--changed', 'qemu:dirty-bitmap:b0', '--flush', server.uri(), overlay.uri());
    expect(copying).toMatchObject({ code: 0, stderr: '' });
    const paths = [workspace.peerPath('day.qcow2'), workspace.peerPath('disk.qcow2')];
    const compare = ['compare', '-U', '-f', 'qcow2', '-F', 'qcow2', ...paths];
    expect((await runPeer('qemu-img', generation, compare)).stdout.toString()).toBe('Images are identical.\n');
  });

  it('--changed needs a bitmap that is there, and an earlier copy', async () => {
    const server = await serveChanged([]);
    const full = workspace.hostPath('full.img');
    const copy = (...words: string[]) => nbd('copy', '--changed', ...words);
    expect(await copy('qemu:dirty-bitmap:none', server.uri(), 'null:')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the source has no metadata context 'qemu:dirty-bitmap:none'"),
    });
    expect(await copy('qemu:dirty-bitmap:b0', server.uri(), full)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${full}: no such file or directory`),
    });
    writeFileSync(full, Buffer.alloc(mebi));
    expect(await copy('qemu:dirty-bitmap:b0', server.uri(), full)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the target has 1048576 bytes'),
    });
    for (const option of ['--checkpoint=x', '--destination-is-zero', '--offset=1']) {
      const { code, stderr } = await copy('qemu:dirty-bitmap:b0', option, server.uri(), full);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be used together') });
    }
    expect((await copy('qemu:dirty-bitmap:b0', server.uri(), '-')).stderr).toContain('--changed needs');
  });

  it('--offset and --length copy a part to the start of the destination', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 8 * mebi, [{ offset: mebi, length: 4 * mebi }]);
    const server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', readOnly: true });
    const part = workspace.hostPath('part.img');
    expect(await nbd('copy', '-o', '3M', '-n', '2500k', server.uri(), part)).toMatchObject({ code: 0, stderr: '' });
    const expected = readFileSync(workspace.hostPath('disk.img')).subarray(3 * mebi, 3 * mebi + 2500 * 1024);
    expect(Buffer.compare(readFileSync(part), expected)).toBe(0);
    expect((await nbd('copy', '-o', '9M', server.uri(), 'null:')).stderr).toContain('--offset: 9437184 lies after');
  });

  it('--rate reads no faster than that, and an interrupted copy ends soon', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 4 * mebi, [{ offset: 0, length: 4 * mebi }]);
    const server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', readOnly: true });
    const { stdout } = await nbd('copy', '--rate', '4M', '-n', '3M', '--json', server.uri(), 'null:');
    const { seconds, readBytes } = JSON.parse(stdout) as { seconds: number; readBytes: number };
    expect(readBytes).toBe(3 * mebi);
    // A tenth of a second's worth may pass at once.
    expect(seconds).toBeGreaterThan(0.6);
    const abort = new AbortController();
    const copying = nbdWith({ signal: abort.signal }, 'copy', '--rate', '64k', server.uri(), 'null:');
    setTimeout(() => abort.abort(new Error('enough')), 300);
    const startMs = performance.now();
    expect((await copying).code).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });
});
