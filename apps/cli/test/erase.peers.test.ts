/** `nbd zero` and `nbd discard` on real servers. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describePeers, makeQcow2, makeRawImage, runPeer, startNbdkit, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

/** A terminal on which somebody types. */
function typing(text: string): PassThrough & { isTTY: boolean } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.write(text);
  return stdin;
}

describePeers('nbd zero and nbd discard', ['qemu-nbd', 'qemu-img', 'qemu-io', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  async function serveDisk() {
    await makeQcow2(workspace, 'disk.qcow2', { size: 8 * mebi, written: [{ offset: 0, length: 8 * mebi }] });
    return startQemuNbd(workspace, { image: 'disk.qcow2', format: 'qcow2', extraArguments: ['--discard=unmap'] });
  }

  const holesOf = async (uri: string): Promise<string> => (await nbd('map', '--list', uri)).stdout;

  it('zero: a range reads as zeroes, and the rest is as it was', async () => {
    const server = await serveDisk();
    expect(await nbd('zero', '--check', server.uri())).toEqual({
      code: 1,
      stderr: '',
      stdout: 'image has data at offset 0\n',
    });
    expect(await nbd('zero', '-y', '-o', '1M', '-n', '2M', server.uri())).toEqual({ code: 0, stdout: '', stderr: '' });
    const out = workspace.hostPath('out.img');
    await nbd('copy', server.uri(), out);
    const expected = Buffer.alloc(8 * mebi, 0xd1).fill(0, mebi, 3 * mebi);
    expect(Buffer.compare(readFileSync(out), expected)).toBe(0);
    expect(await nbd('zero', '--check', '-o', '1M', '-n', '2M', server.uri())).toMatchObject({ code: 0, stdout: '' });
    expect((await nbd('zero', '-c', '-q', '-o', '2M', server.uri())).code).toBe(1);
  });

  it('discard: what is discarded is stored nowhere any more', async () => {
    const server = await serveDisk();
    expect((await nbd('discard', '--check', server.uri())).code).toBe(1);
    expect(await nbd('discard', '-y', '-l', '4M', server.uri())).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await holesOf(server.uri())).toBe(
      '         0     4194304    3  hole,zero\n   4194304     4194304    0  data\n',
    );
    expect((await nbd('discard', '--check', '-n', '4M', server.uri())).code).toBe(0);
  });

  it('they ask, and do nothing without an answer', async () => {
    const server = await serveDisk();
    const uri = server.uri();
    const question = `Erase everything on ${uri}, bytes 0 to 8388607, for ever (y/N)? `;
    for (const answer of ['n\n', '\n', 'yeah\n']) {
      const { code, stderr } = await nbdWith({ stdin: typing(answer) }, 'zero', uri);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(question) });
      expect(stderr).toContain('nbd: nothing was changed\n');
    }
    expect((await nbd('zero', '--check', uri)).code).toBe(1);
    const silent = Object.assign(new PassThrough(), { isTTY: false });
    const refused = await nbdWith({ stdin: silent }, 'discard', uri);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no terminal to ask on') });
    expect(await nbdWith({ stdin: typing('y\n') }, 'zero', uri)).toMatchObject({ code: 0 });
    expect((await nbd('zero', '--check', uri)).code).toBe(0);
  });

  it('what a server cannot do is an error in one line', async () => {
    const plain = await startNbdkit(workspace, ['--filter=nozero', 'memory', '2M', 'zeromode=none']);
    expect(await nbd('zero', '-y', '--fast', plain.uri())).toMatchObject({
      code: 2,
      stderr: `nbd: ${plain.uri()} cannot zero quickly (--fast)\n`,
    });
    const written = await runPeer('qemu-io', generation, ['-f', 'raw', '-c', 'write -P 7 0 2M', plain.peerUri()]);
    expect(written.code).toBe(0);
    // Without a command for it, zeroes are written.
    expect(await nbd('zero', '-y', '-o', '1000', plain.uri())).toMatchObject({ code: 0, stderr: '' });
    const out = workspace.hostPath('out.img');
    await nbd('copy', plain.uri(), out);
    expect(Buffer.compare(readFileSync(out), Buffer.alloc(2 * mebi).fill(7, 0, 1000))).toBe(0);
    makeRawImage(workspace.hostPath('disk.img'), mebi, []);
    const fixed = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', readOnly: true });
    expect(await nbd('zero', '-y', fixed.uri())).toMatchObject({
      code: 2,
      stderr: `nbd: ${fixed.uri()} is read-only\n`,
    });
    // Nothing is taken for the whole disk that is about a part of it.
    expect(await nbd('zero', '-y', '--partition', '1', plain.uri())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--partition: of a server'),
    });
    expect((await nbd('discard', '-y', '-o', '2M', fixed.uri())).stderr).toContain('--offset: 2097152 lies after');
  });

  it('a file is zeroed in place, and of an image the disk in it', async () => {
    const path = workspace.hostPath('disk.img');
    writeFileSync(path, Buffer.alloc(4 * mebi, 1));
    expect(await nbd('zero', '-y', '-o', '1M', path)).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.compare(readFileSync(path), Buffer.alloc(4 * mebi).fill(1, 0, mebi))).toBe(0);
    expect(statSync(path).blocks * 512).toBeLessThan(2 * mebi);
    expect(await nbd('zero', '-y', '--allocate', path)).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.compare(readFileSync(path), Buffer.alloc(4 * mebi))).toBe(0);
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(4 * mebi);
    await makeQcow2(workspace, 'disk.qcow2', { size: mebi, written: [{ offset: 0, length: mebi }] });
    const image = workspace.hostPath('disk.qcow2');
    expect(await nbd('zero', '-y', '-o', '512K', image)).toMatchObject({ code: 0, stderr: '' });
    await nbd('copy', '--allocated', image, workspace.hostPath('disk.raw'));
    const after = readFileSync(workspace.hostPath('disk.raw'));
    expect(after.subarray(0, mebi / 2).some((byte) => byte !== 0)).toBe(true);
    expect(after.subarray(mebi / 2).every((byte) => byte === 0)).toBe(true);
    expect((await nbd('check-image', image)).code).toBe(0);
  });
});
