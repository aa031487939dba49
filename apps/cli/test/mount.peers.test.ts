/** `nbd mount` of what nbdkit serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describeMounts, makeRawImage, runPeer, startNbdkit } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdCommand, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

const mountsAt = (path: string): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(path));

describeMounts('nbd mount', ['nbdkit', 'sfdisk'], () => {
  const children: ChildProcess[] = [];

  inWorkspace('bookworm', async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await expect.poll(() => mountsAt(workspace.hostPath('')), { timeout: 4000 }).toEqual([]);
  });

  function emptyFolder(): string {
    const path = workspace.hostPath('place');
    mkdirSync(path);
    return path;
  }

  /** Mounts until `end` is called, which gives what the command has printed. */
  async function mounting(place: string, ...argv: readonly string[]) {
    const abort = new AbortController();
    const running = nbdWith({ signal: abort.signal }, 'mount', ...argv, place);
    await expect.poll(() => mountsAt(place)).toHaveLength(1);
    return () => {
      abort.abort(new Error('the test is over'));
      return running;
    };
  }

  it('makes an export a file, and flushes it at the end', async () => {
    const server = await startNbdkit(workspace, ['memory', '8M']);
    const place = emptyFolder();
    const pidFile = workspace.hostPath('pid');
    const end = await mounting(place, server.uri(), '--pid-file', pidFile);
    expect(await readdir(place)).toEqual(['nbd']);
    await expect.poll(() => existsSync(pidFile)).toBe(true);
    const file = await open(`${place}/nbd`, 'r+');
    await file.write(Buffer.from('from a program'), 0, 14, 4097);
    await file.close();
    const { code, stderr } = await end();
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `nbd: ${server.uri()} is ${place}/nbd; Ctrl-C or fusermount3 -u ${place} ends it\n`,
    });
    expect(existsSync(pidFile)).toBe(false);
    expect((await nbd('dump', server.uri(), '-o', '4097', '-n', '14')).stdout).toContain('from a program');
  });

  it('shows a disk and its partitions', async () => {
    const path = workspace.hostPath('disk.img');
    makeRawImage(path, 16 * mebi, []);
    const table = 'label: gpt\nstart=2048, size=4096\nstart=8192, size=2048\n';
    expect(await runPeer('sfdisk', 'bookworm', ['-q', path], { stdin: Buffer.from(table) })).toMatchObject({ code: 0 });
    const place = emptyFolder();
    const end = await mounting(place, path, '--partitions', '--read-only');
    expect(await readdir(place)).toEqual(['disk', 'p1', 'p2']);
    expect((await stat(`${place}/disk`)).size).toBe(16 * mebi);
    expect(await stat(`${place}/p2`)).toMatchObject({ size: mebi, mode: 0o100444 });
    expect(await end()).toMatchObject({ code: 0 });
  });

  it('runs a command, and exits as it does', async () => {
    const server = await startNbdkit(workspace, ['memory', '1M']);
    const place = emptyFolder();
    const script = `test -f ${place}/nbd && exit 7`;
    expect(await nbd('mount', server.uri(), place, '-q', '--', 'sh', '-c', script)).toMatchObject({
      code: 7,
      stderr: '',
    });
    const { code, stderr } = await nbd('mount', server.uri(), place, '-q', '--', './no-such-program');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'nbd: cannot run ./no-such-program: no such file or directory\n',
    });
    expect(mountsAt(place)).toEqual([]);
  });

  it('leaves nothing behind when it is killed', async () => {
    const server = await startNbdkit(workspace, ['memory', '1M']);
    const place = emptyFolder();
    const [program, ...args] = nbdCommand('mount', server.uri(), place);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    await once(child.stderr, 'data');
    expect(mountsAt(place)).toHaveLength(1);
    child.kill('SIGKILL');
    await expect.poll(() => mountsAt(place), { timeout: 4000 }).toEqual([]);
  });

  it('refuses in one line what cannot be', async () => {
    const path = workspace.hostPath('disk.img');
    makeRawImage(path, mebi, []);
    const place = emptyFolder();
    for (const [argv, words] of [
      [[path, workspace.hostPath('')], 'is not empty, and the mount would hide what is in it'],
      [[path, place, '--partitions'], 'the disk has no partitions: there is neither a boot record nor a GPT in it'],
      [[workspace.hostPath('none'), place], 'no such file or directory'],
      [['nbd+unix:///?socket=/nowhere/s', place], '/nowhere/s'],
    ] as const) {
      const { code, stderr } = await nbd('mount', ...argv);
      expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 1, lines: 2 });
      expect(stderr).toContain(words);
    }
    await writeFile(workspace.hostPath('over'), 'kept');
    const end = await mounting(workspace.hostPath('over'), path);
    await end();
    expect(await readFile(workspace.hostPath('over'), 'utf8')).toBe('kept');
  });
});
