/** `nbd dump` against nbddump, byte for byte. */
import { readFileSync, writeFileSync } from 'node:fs';
import { findPeer, runCommandLine, runPeer, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nbd, nbdCommand } from './harness.ts';

const mebi = 1024 * 1024;

describe.runIf(findPeer('nbddump', 'trixie') !== undefined)('nbd dump', () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace('trixie');
  });
  afterEach(() => workspace[Symbol.dispose]());

  /** Where nbddump does not show a first line because it is all zeroes, neither must we. */
  function comparable(mine: string, theirs: string): string {
    return theirs.startsWith('*\n') ? mine.replace(/^[^:]+:[ 0]+\|\.{16}\|\n(\*\n)?/, '*\n') : mine;
  }

  /** Exports by what is in them: plugin and parameters of nbdkit. */
  const contents = {
    nothing: ['null', '0'],
    'one byte': ['data', '0x41'],
    'an odd end': ['data', '"hello, world" @100 "tail"'],
    'every byte': ['data', '( 0x00 0x7e 0x7f 0x80 0xff 0x1f 0x20 0x09 0x0a "%s \\\\" )*7'],
    'repeated lines': ['data', '( "0123456789abcdef" )*5 1 2 3 ( "0123456789abcdef" )*2 "01234567"'],
    'zeroes, then data at odd places': ['data', '0*70 1 @1000 2 0*33 @4097 3*16 0*48 4'],
    'holes between data': ['data', '@32768 1*3 @98301 2*100000 @4194304 7'],
    'a hole to the end': ['data', '@65536 1*16', 'size=3M'],
    'only a hole': ['memory', '5M'],
    'only a hole, odd': ['memory', '5000003'],
  } as const;

  for (const [name, args] of Object.entries(contents)) {
    it(`${name}, from several offsets and for several lengths`, async () => {
      await using server = await startNbdkit(workspace, args);
      // Of a hole, nbddump 1.22 shows neither its first line nor an incomplete last one, so it may not know of holes.
      await using plain = await startNbdkit(workspace, ['--no-sr', ...args]);
      const size = Number((await nbd('info', '--size', server.uri())).stdout);
      // Where it ends before the export does, nbddump takes an incomplete line for equal to the line before.
      const ranges = [
        [],
        ['--length', '16'],
        ['--length=48'],
        ['-n', '65536'],
        ['--offset', '1', '--length', '96'],
        ['-o', '3'],
        ['--skip', '16', '--limit', '32'],
        ['--offset', '1000', '--length', '8000'],
      ].filter((range) => size > 9000 || range.length < 3);
      if (size < 4) ranges.pop();
      for (const range of ranges) {
        const [theirs, mine] = await Promise.all([
          runPeer('nbddump', 'trixie', [...range, plain.peerUri()]),
          nbd('dump', ...range, server.uri()),
        ]);
        expect(theirs.stderr).toBe('');
        expect({ code: mine.code, stderr: mine.stderr }).toEqual({ code: 0, stderr: '' });
        expect(comparable(mine.stdout, theirs.stdout.toString())).toBe(theirs.stdout.toString());
      }
    });
  }

  it('an image of QEMU', async () => {
    const image = Buffer.alloc(2 * mebi);
    for (let index = 0; index < 100; index++) image.write(`line ${index}`, (index * 70_001) % image.length);
    writeFileSync(workspace.hostPath('disk.img'), image);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    await using plain = await startNbdkit(workspace, ['--no-sr', 'file', workspace.peerPath('disk.img')]);
    const theirs = await runPeer('nbddump', 'trixie', [plain.peerUri()]);
    expect((await nbd('dump', server.uri())).stdout).toBe(theirs.stdout.toString());
  });

  it('colours what is offset and what is star', async () => {
    await using server = await startNbdkit(workspace, ['memory', '48']);
    const { stdout } = await nbd('dump', '--color', server.uri());
    expect(stdout).toContain('\x1b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed.
    expect(stdout.replace(/\x1b\[\d+m/g, '')).toBe((await nbd('dump', server.uri())).stdout);
  });

  it('reads across short holes, instead of asking for each piece of data by itself', async () => {
    const log = workspace.hostPath('log');
    const pieces = Array.from({ length: 128 }, (_, index) => `@${index * 65_536} 1`).join(' ');
    await using server = await startNbdkit(workspace, [
      '--filter=log',
      'data',
      pieces,
      `size=${16 * mebi}`,
      `logfile=${workspace.peerPath('log')}`,
    ]);
    const { stdout } = await nbd('dump', server.uri());
    expect(stdout).toBe((await runPeer('nbddump', 'trixie', [server.peerUri()])).stdout.toString());
    const [mine = ''] = readFileSync(log, 'utf8').split('Disconnect');
    expect(mine.match(/ Read /g)?.length).toBe(32);
  });

  it('B10: reads what the block map fails to tell of, and says so if it is to be wordy', async () => {
    const args = ['data', '1 2 3', 'size=5M'];
    await using good = await startNbdkit(workspace, args);
    await using bad = await startNbdkit(workspace, ['--filter=error', ...args, 'error-extents-rate=1']);
    const { stdout } = await nbd('dump', good.uri());
    expect(await nbd('dump', bad.uri())).toEqual({ code: 0, stderr: '', stdout });
    expect(await nbd('dump', '--verbose', bad.uri())).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /^nbd: the server does not report which parts are zero \(at 0: .*\); reading them\n$/,
      ),
      stdout,
    });
  });

  it('says so when the offset is behind the end', async () => {
    await using server = await startNbdkit(workspace, ['memory', '48']);
    const { code, stdout, stderr } = await nbd('dump', '--offset=49', server.uri());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^nbd: --offset: 49 .*48\n$/);
  });

  it('a closed pipe is no error, and ends it soon', async () => {
    await using server = await startNbdkit(workspace, ['pattern', '1G']);
    const script = 'set -o pipefail; "$@" | head -n 3; echo $?';
    const { stdout, stderr } = await runCommandLine([
      'bash',
      '--norc',
      '-c',
      script,
      'bash',
      ...nbdCommand('dump', server.uri()),
    ]);
    expect(stderr).toBe('');
    expect(stdout.toString().split('\n').slice(3)).toEqual(['141', '']);
  });
});
