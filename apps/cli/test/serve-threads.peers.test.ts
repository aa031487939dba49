/** `nbd serve --threads`: what clients are served by threads is what one thread serves, and what cannot be is refused in words. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const mebi = 2 ** 20;

describePeers('nbd serve --threads 2', ['fio', 'nbdcopy', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('keeps what 4 jobs of fio write at random', async () => {
    const image = workspace.hostPath('disk.img');
    writeFileSync(image, new Uint8Array(64 * mebi));
    const uri = (await serve('--threads', '2', image))();
    const load = ['--rw=randrw', '--bs=4k', '--iodepth=32', '--numjobs=4', '--size=16M', '--offset_increment=16M'];
    const check = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--group_reporting'];
    expect(await peer('fio', '--name=verify', '--ioengine=nbd', `--uri=${uri}`, ...load, ...check)).toContain('err= 0');
  });

  it('serves several files by their names, from an offset, to programs that open several connections', async () => {
    const bytes = new Uint8Array(8 * mebi).map((_, index) => (index * 2654435761) >>> 24);
    writeFileSync(workspace.hostPath('one.img'), bytes);
    writeFileSync(workspace.hostPath('two.img'), new Uint8Array(mebi));
    const files = [workspace.hostPath('one.img'), `second=${workspace.hostPath('two.img')}`];
    const uri = await serve('--threads', '2', '--offset', '4096', '--read-only', ...files);
    const listed = JSON.parse(await peer('nbdinfo', '--json', '--list', uri())).exports;
    expect(listed).toMatchObject([
      { 'export-name': 'one.img', 'export-size': 8 * mebi - 4096, is_read_only: true, can_multi_conn: true },
      { 'export-name': 'second', 'export-size': mebi - 4096 },
    ]);
    await peer('nbdcopy', '--connections=8', uri('one.img'), workspace.peerPath('copy'));
    expect(Buffer.compare(readFileSync(workspace.hostPath('copy')), bytes.subarray(4096))).toBe(0);
  });
});

describePeers('nbd serve --threads 3 with memory', ['fio', 'nbdcopy', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('keeps what 4 jobs of fio write at random', async () => {
    const uri = (await serve('--threads', '3', 'memory:64M'))();
    const load = ['--rw=randrw', '--bs=4k', '--iodepth=32', '--numjobs=4', '--size=16M', '--offset_increment=16M'];
    const check = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--group_reporting'];
    expect(await peer('fio', '--name=verify', '--ioengine=nbd', `--uri=${uri}`, ...load, ...check)).toContain('err= 0');
  });

  it('gives nbdcopy the same bytes over 8 connections, and reports holes', async () => {
    const bytes = new Uint8Array(8 * mebi).map((_, index) => (index < 4 * mebi ? (index * 2654435761) >>> 24 : 0));
    writeFileSync(workspace.hostPath('image'), bytes);
    const uri = (await serve('--threads', '3', 'memory:8M'))();
    await peer('nbdcopy', '--connections=8', '--flush', workspace.peerPath('image'), uri);
    const map = JSON.parse(await peer('nbdinfo', '--map', '--json', uri));
    expect(map).toMatchObject([
      { offset: 0, length: 4 * mebi, type: 0 },
      { offset: 4 * mebi, length: 4 * mebi, type: 3 },
    ]);
    expect(JSON.parse(await peer('nbdinfo', '--json', uri)).exports[0]).toMatchObject({ can_multi_conn: true });
    await peer('nbdcopy', '--connections=8', uri, workspace.peerPath('copy'));
    expect(Buffer.compare(readFileSync(workspace.hostPath('copy')), bytes)).toBe(0);
  });
});

describe('nbd serve --threads', () => {
  inWorkspace('bookworm');

  it('ends with the last client where it is to', async () => {
    writeFileSync(workspace.hostPath('disk.img'), new Uint8Array(mebi));
    const uri = (await serve('--threads', '2', '--no-persistent', workspace.hostPath('disk.img')))();
    expect(await nbd('info', '--size', uri)).toMatchObject({ code: 0, stdout: `${mebi}\n` });
    expect(await endLast()).toMatchObject({ code: 0 });
  });

  it('auto serves on one thread what cannot be spread over several', async () => {
    const uri = (await serve('--threads', 'auto', 'memory:65G'))();
    expect(await nbd('info', '--size', uri)).toMatchObject({ code: 0, stdout: `${65 * 2 ** 30}\n` });
  });

  it.each([
    [['memory:65G'], '--threads 2: memory:65G: threads share 64 GiB of memory at most'],
    [['nbd://far/disk'], '--threads 2: nbd://far/disk: the connection to another server belongs to one thread'],
    [['--snapshot', 'x.img'], '--threads 2: --snapshot keeps what clients write in the memory of one thread'],
    [['--stdio', 'x.img'], '--threads 2: --stdio serves one client, which one thread does best'],
  ])('refuses %j in words', async (words, message) => {
    const { code, stderr } = await nbd('serve', '--threads', '2', ...words);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('names a file that is missing, and a value that is no number', async () => {
    const missing = workspace.hostPath('missing.img');
    const { code, stderr } = await nbd('serve', '--threads', '2', '--socket', workspace.socketPath('s'), missing);
    expect(code).not.toBe(0);
    expect(stderr).toContain('missing.img');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect((await nbd('serve', '--threads', 'many', missing)).stderr).toContain("--threads: 'many' is not a number");
  });
});
