/**
 * B9: standard input and output, descriptors, FIFOs and sockets as sides of a copy.
 *
 * @module-tag slow
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { allocatedBytes, Workspace } from '@nbdjs/peers/local';
import { patternBytes } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { descriptorOf } from '../src/commands/copy/byte-streams.ts';
import { nbd, nbdCommand, spawnNbd } from './harness.ts';

const bash = '/bin/bash';
const kibi = 1024;
const mebi = 1024 * kibi;

let workspace: Workspace;
beforeEach(() => {
  workspace = new Workspace('bookworm');
});
afterEach(() => workspace[Symbol.dispose]());

/** Runs a line of shell in the workspace, with `$NBD` as the command. */
function shell(line: string): { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string } {
  const command = nbdCommand()
    .map((word) => `'${word}'`)
    .join(' ');
  const script = `nbd() { ${command} "$@"; }; ${line}`;
  const { status, stdout, stderr } = spawnSync(bash, ['--norc', '-c', script], {
    cwd: workspace.hostPath('.'),
    env: { ...process.env, PATH: '/usr/bin:/bin' },
    timeout: 20_000,
    maxBuffer: 64 * mebi,
  });
  return { code: status, stdout, stderr: stderr.toString() };
}

const read = (name: string): Buffer => readFileSync(workspace.hostPath(name));
const content = Buffer.from(patternBytes(mebi + 77));

describe('B9: a file that comes from a stream', () => {
  it('is flushed, has holes, tells its progress, and is as long as what came', async () => {
    const bytes = Buffer.alloc(32 * mebi + 5);
    content.copy(bytes, 8 * mebi);
    const target = workspace.hostPath('g');
    writeFileSync(target, Buffer.alloc(40 * mebi, 7));
    const { code, stderr } = await spawnNbd(['copy', '--progress=json', '-', target], { stdin: bytes });
    expect(code).toBe(0);
    const last = JSON.parse(stderr.trim().split('\n').at(-1) as string) as { doneBytes: number; state: string };
    expect(last).toMatchObject({ state: 'done', doneBytes: bytes.length });
    expect(read('g').equals(bytes)).toBe(true);
    expect(allocatedBytes(target)).toBeLessThan(3 * mebi);
    expect(await spawnNbd(['copy', '-S', '0', '-', target], { stdin: bytes })).toMatchObject({ code: 0, stderr: '' });
    expect(allocatedBytes(target)).toBeGreaterThanOrEqual(32 * mebi);
    expect(await spawnNbd(['copy', '--flush', '-', target], { stdin: Buffer.alloc(0) })).toMatchObject({ code: 0 });
    expect(statSync(target).size).toBe(0);
  });

  it('keeps what it had when the options do not go with streams', async () => {
    writeFileSync(workspace.hostPath('g'), content);
    for (const options of [['--verify'], ['--checkpoint', workspace.hostPath('ck')]]) {
      const outcome = await spawnNbd(['copy', ...options, '-', workspace.hostPath('g')], { stdin: Buffer.from('x') });
      expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('that are not streams') });
    }
    expect(read('g').equals(content)).toBe(true);
  });
});

describe.runIf(existsSync(bash))('B9: standard output', () => {
  beforeEach(() => writeFileSync(workspace.hostPath('f'), content));

  it('has other names, which are taken for it', () => {
    const names = [
      '/dev/stdin',
      '/dev/stdout',
      '/dev/stderr',
      '/dev/fd/0',
      '/dev/fd/1',
      '/proc/self/fd/17',
      '/dev/fd/x',
    ];
    expect(names.map((name) => descriptorOf(name))).toEqual([0, 1, 2, 0, 1, 17, undefined]);
    expect(descriptorOf('/dev/null')).toBeUndefined();
  });

  it('is appended to, by each of its names', () => {
    expect(shell('printf head > y; nbd copy f /dev/stdout >> y')).toMatchObject({ code: 0, stderr: '' });
    expect(read('y').equals(Buffer.concat([Buffer.from('head'), content]))).toBe(true);
  });

  it('is written from its current position on, like other descriptors', () => {
    expect(shell('{ printf head; nbd copy f /dev/stdout; } > y')).toMatchObject({ code: 0, stderr: '' });
    expect(read('y').subarray(4).equals(content)).toBe(true);
    expect(shell('{ printf head >&3; nbd copy f /dev/fd/3; } 3> z')).toMatchObject({ code: 0, stderr: '' });
    expect(read('z').subarray(4).equals(content)).toBe(true);
  });

  it.each(['/dev/stdout', 'fifo'])('ends silently when the reader of %s is gone', (name) => {
    const reader = name === 'fifo' ? 'mkfifo fifo; head -c 10 fifo > /dev/null & ' : '';
    const pipe = name === '/dev/stdout' ? ' | head -c 10 >/dev/null' : '';
    const line = `${reader}nbd copy f ${name}${pipe}; echo "rc \${PIPESTATUS[0]}"`;
    expect(shell(line)).toMatchObject({ code: 0, stderr: '', stdout: Buffer.from('rc 141\n') });
  });

  it('P1: has a name in errors, as FIFOs and devices have', () => {
    expect(shell('nbd copy f - > /dev/full')).toMatchObject({
      code: 1,
      stderr: 'nbd: standard output: no space left on device\n',
    });
    expect(shell('nbd copy f /dev/full')).toMatchObject({
      code: 1,
      stderr: 'nbd: /dev/full: no space left on device\n',
    });
    expect(shell('nbd copy - x < .')).toMatchObject({ code: 1, stderr: 'nbd: standard input is a directory\n' });
  });

  it('is not flushed where there is no disk, and says so', () => {
    const idle = shell('nbd copy --flush -S 4096 f - | cat > y');
    expect(idle.stderr).toBe('nbd: the destination is a stream, where --flush and --sparse can do nothing\n');
    expect(shell('nbd copy --flush f - > y')).toMatchObject({ code: 0, stderr: '' });
    expect(shell('nbd copy --quiet --flush f - | cat > y')).toMatchObject({ code: 0, stderr: '' });
    expect(read('y').equals(content)).toBe(true);
  });
});

describe.runIf(existsSync(bash))('B9: standard input', () => {
  beforeEach(() => writeFileSync(workspace.hostPath('f'), content));

  it('that is a file is read from its current position', () => {
    expect(shell('(head -c 512 > /dev/null; nbd copy - w) < f')).toMatchObject({ code: 0, stderr: '' });
    expect(read('w').equals(content.subarray(512))).toBe(true);
    expect(shell('(cat > /dev/null; nbd copy /dev/stdin w) < f')).toMatchObject({ code: 0, stderr: '' });
    expect(read('w')).toHaveLength(0);
  });

  it('may be a pipe, another descriptor, or a FIFO', () => {
    for (const line of [
      'nbd copy <(cat f) w',
      'nbd copy /dev/fd/3 w 3< f',
      'mkfifo p; cat f > p & nbd copy p w',
      'cat f | nbd copy --progress=json - - 2> /dev/null > w',
    ]) {
      expect(shell(`rm -f w; ${line}`)).toMatchObject({ code: 0, stderr: '' });
      expect(read('w').equals(content)).toBe(true);
    }
  });
});

describe('B9: what cannot be written to', () => {
  it('is named in the error, as is a source that cannot be read', async () => {
    const file = workspace.hostPath('f');
    writeFileSync(file, content);
    const socket = workspace.hostPath('s');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    const refusal = { code: 1, stderr: `nbd: ${socket}: no such device or address\n` };
    expect(await nbd('copy', file, socket)).toMatchObject(refusal);
    expect(await nbd('copy', socket, file)).toMatchObject(refusal);
    server.close();
    // What is there is not emptied for a source that cannot be opened.
    expect(read('f').equals(content)).toBe(true);
  });

  it('is not emptied when it is the source', async () => {
    const file = workspace.hostPath('f');
    writeFileSync(file, content);
    const { code, stderr } = await nbd('copy', '--destination-is-zero', file, file);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('is the source') });
    expect(shell('nbd copy --destination-is-zero - f < f').code).toBe(1);
    expect(read('f').equals(content)).toBe(true);
  });
});
