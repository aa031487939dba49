/** Sessions in several threads over one file, as other programs see them. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describePeers, runPeer, Workspace } from '@nbdjs/peers';
import { detachDescriptor, listen } from '@nbdjs/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serve, type ThreadedServing } from '../../src/index.ts';
import { fileThread } from './support.ts';

const bytes = 64 * 2 ** 20;

describePeers('a server with three threads', ['fio', 'nbdcopy', 'nbdinfo', 'qemu-io'], (generation) => {
  let workspace: Workspace;
  let serving: ThreadedServing;

  beforeEach(async () => {
    workspace = new Workspace(generation);
    const path = workspace.hostPath('disk');
    writeFileSync(path, '');
    truncateSync(path, bytes);
    const threads = { module: fileThread, detach: detachDescriptor, count: 3, data: { path } };
    serving = await serve({ type: 'unix', path: workspace.hostPath('socket') }, { listen, threads });
  });
  afterEach(async () => {
    await serving.close();
    workspace.dispose();
  });

  const uri = (): string => `nbd+unix:///disk?socket=${workspace.peerPath('socket')}`;
  const peer = async (program: 'fio' | 'nbdcopy' | 'nbdinfo' | 'qemu-io', ...given: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runPeer(program, generation, given);
    expect({ code, stderr: stderr.toString() }).toMatchObject({ code: 0 });
    return stdout.toString();
  };

  it('keeps what 4 jobs of fio write at random, 32 at a time', async () => {
    const load = ['--rw=randrw', '--bs=4k', '--iodepth=32', '--numjobs=4', '--size=16M', '--offset_increment=16M'];
    const check = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--group_reporting'];
    const out = await peer('fio', '--name=verify', '--ioengine=nbd', `--uri=${uri()}`, ...load, ...check);
    expect(out).toContain('err= 0');
  });

  it('gives nbdcopy the same bytes over 8 connections that it has got over 4', async () => {
    const image = new Uint8Array(bytes).map((_, index) => (index * 2654435761) >>> 24);
    writeFileSync(workspace.hostPath('image'), image);
    await peer('nbdcopy', '--connections=4', '--flush', workspace.peerPath('image'), uri());
    expect(Buffer.compare(readFileSync(workspace.hostPath('disk')), image)).toBe(0);
    await peer('nbdcopy', '--connections=8', uri(), workspace.peerPath('copy'));
    expect(Buffer.compare(readFileSync(workspace.hostPath('copy')), image)).toBe(0);
    expect(serving.server.statistics.writtenBytes).toBe(bytes);
  });

  it('tells nbdinfo that several connections are possible, and qemu-io writes, reads, discards and flushes', async () => {
    expect(JSON.parse(await peer('nbdinfo', '--json', uri())).exports[0]).toMatchObject({ can_multi_conn: true });
    const commands = [
      'write -P 7 0 1M',
      'read -P 7 0 1M',
      'write -z 512k 64k',
      'read -P 0 512k 64k',
      'discard 0 64k',
      'flush',
    ];
    const out = await peer('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri());
    expect(out).not.toMatch(/failed|error/i);
  });
});
