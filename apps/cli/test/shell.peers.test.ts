/** The command as a process: signals, colours, completion. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { findPeer, runCommandLine, runPeer, startNbdkit, Workspace } from '@nbdjs/peers';
import { Option } from '@nbdjs/protocol';
import { OptionServer } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { nbd, nbdCommand, spawnNbd } from './harness.ts';

describe('completion', () => {
  it.runIf(existsSync('/bin/bash'))('for bash parses, and completes commands and options', async () => {
    const { stdout } = await nbd('completion', 'bash');
    const script = `${stdout}
COMP_WORDS=(nbd co); COMP_CWORD=1; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd dump --of); COMP_CWORD=2; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd info --mode s); COMP_CWORD=3; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd serve --tls ""); COMP_CWORD=3; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd info --isn); COMP_CWORD=2; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd info --isnt rea); COMP_CWORD=3; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd objects s); COMP_CWORD=2; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd objects resize --s); COMP_CWORD=3; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd objects resize --take-over n); COMP_CWORD=4; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd completion z); COMP_CWORD=2; _nbd; echo "\${COMPREPLY[*]}"`;
    // With a socket as its input, bash would read the user's own file of settings.
    const result = await runCommandLine(['/bin/bash', '--norc', '-c', script]);
    expect(result.stderr).toBe('');
    expect(result.stdout.toString()).toBe(
      'copy compare commit completion\n--offset\nsimple structured\noff allow require\n--isnt\nread read-only readonly\nsnapshot\n--shrink\nnow never\nzsh\n',
    );
  });

  it.each(['zsh', 'fish'])('for %s names every command', async (shell) => {
    const { code, stdout } = await nbd('completion', shell);
    expect(code).toBe(0);
    for (const command of ['info', 'copy', 'dump', 'demo', 'completion', 'fsck']) expect(stdout).toContain(command);
  });
});

it('help and version go to standard output', async () => {
  for (const argv of [['--help'], ['help', 'copy'], ['info', '--help'], ['--version']]) {
    const { code, stdout, stderr } = await nbd(...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(argv[0] === '--version' ? /^nbd \d+\.\d+\.\d+\n$/ : /^Usage: nbd/);
  }
});

it('D8.2: every command has -h and -V, and lists its options as libnbd does', async () => {
  for (const command of [
    'info',
    'map',
    'copy',
    'compare',
    'hash',
    'dump',
    'zero',
    'discard',
    'bench',
    'shell',
    'serve',
    'check',
    'proxy',
    'trace',
    'replay',
    'create',
    'check-image',
    'commit',
    'rebase',
    'relay',
    'certs',
    'demo',
    'completion',
  ]) {
    const outcome = (stdout: RegExp) => ({ code: 0, stderr: '', stdout: expect.stringMatching(stdout) });
    expect(await nbd(command, '-h')).toEqual(outcome(new RegExp(`^Usage: nbd ${command} `)));
    for (const flag of ['-V', '--version']) expect(await nbd(command, flag)).toEqual(outcome(/^nbd \d+\.\d+\.\d+\n$/));
    expect(await nbd(command, '--long-options')).toEqual(outcome(/^--help\n(--[a-z0-9-]+\n)*$/));
    expect(await nbd(command, '--short-options')).toEqual(outcome(/^-h\n(-[a-zA-Z]\n)*$/));
  }
});

describe.runIf(findPeer('nbdinfo', 'trixie') !== undefined)('D8.2: as the newest libnbd spells them', () => {
  it.each([
    ['nbdinfo', 'info'],
    ['nbddump', 'dump'],
  ] as const)('every option of %s is one of nbd %s', async (program, command) => {
    for (const list of ['--long-options', '--short-options']) {
      const theirs = (await runPeer(program, 'trixie', [list])).stdout.toString().split('\n');
      const mine = (await nbd(command, list)).stdout.split('\n');
      expect(mine).toEqual(expect.arrayContaining(theirs));
    }
  });

  it('other spellings mean the same', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['data', '1 2 3', 'size=64']);
    const uri = server.uri();
    const same = async (one: string[], other: string[]): Promise<void> => {
      const [first, second] = await Promise.all([nbd(...one, uri), nbd(...other, uri)]);
      expect(first.stderr).toBe('');
      expect(second).toEqual(first);
    };
    await same(['info', '--map', '--totals'], ['info', '--map', '--total']);
    for (const flag of ['--colour', '--colors', '--colours']) await same(['dump', '--color'], ['dump', flag]);
    for (const flag of ['--no-colour', '--no-colors', '--no-colours']) await same(['dump'], ['dump', '--color', flag]);
    for (const flag of ['--isnot', '--hasnot', '--havenot'])
      await same(['info', '--isnt', 'tls'], ['info', flag, 'tls']);
    await same(['dump', '-o', '16', '-n', '16'], ['dump', '--skip', '16', '--limit', '16']);
  });
});

/** What a shell runs for `nbd WORDS`. */
function shellWords(words: string): string {
  return `${nbdCommand()
    .map((word) => `'${word}'`)
    .join(' ')} ${words}`;
}

it.runIf(existsSync('/dev/full'))('P7: output that cannot be printed is an error for each command', async () => {
  using workspace = new Workspace('bookworm');
  const socket = workspace.socketPath('s');
  const words = ['--help', '--version', 'help copy', 'info -h', 'completion bash', 'dump --long-options'];
  const serve = `serve memory:1M --socket ${socket} --print-uri`;
  for (const one of [...words, serve]) {
    const { code, stderr } = await runCommandLine(['/bin/sh', '-c', `${shellWords(one)} > /dev/full`]);
    expect({ one, code, stderr }).toEqual({
      one,
      code: 1,
      stderr: expect.stringMatching(/^nbd: standard output: no space left on device\n$/),
    });
  }
});

describe.runIf(findPeer('nbdkit', 'bookworm') !== undefined)('with a server', () => {
  it('P7: nor can facts, maps and bytes that cannot be printed pass for success', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '1M']);
    const words = [
      'info',
      'info --list --json',
      'info --map',
      'info --map --json',
      'info --size',
      'info --uri',
      'dump',
    ];
    await Promise.all(
      words.map(async (one) => {
        const line = `${shellWords(one)} '${server.uri()}' > /dev/full`;
        const { code, stderr } = await runCommandLine(['/bin/sh', '-c', line]);
        expect({ one, code, stderr }).toEqual({
          one,
          code: 1,
          stderr: 'nbd: standard output: no space left on device\n',
        });
      }),
    );
  });

  it('SIGINT ends within a second what waits for an answer that does not come', async () => {
    using workspace = new Workspace('bookworm');
    await using reads = await startNbdkit(workspace, [
      '--filter=delay',
      '--filter=noextents',
      'memory',
      '1M',
      'rdelay=60',
    ]);
    await using maps = await startNbdkit(workspace, ['--filter=delay', 'memory', '1M', 'delay-extents=60']);
    await using silent = await OptionServer.start({
      answer: (option) => (option === Option.Info ? 'silence' : undefined),
    });
    const lines = [
      ['dump', reads.uri()],
      ['info', reads.uri()],
      ['dump', maps.uri()],
      ['info', '--map', maps.uri()],
      ['info', silent.uri()],
      ['info', '--size', silent.uri()],
      ['info', '--list', '--content', silent.uri()],
    ];
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const ends = await Promise.all(lines.map((argv) => interrupted([...stdio], ...argv)));
    expect(ends.map(({ code }) => code)).toEqual(lines.map(() => 130));
    for (const { seconds } of ends) expect(seconds).toBeLessThan(5);
  });

  it('SIGINT during a copy gives 130, and leaves no child behind', async () => {
    // A word of its own, by which to find the child.
    const mark = `nbdkit.mark=${process.pid}`;
    const words = ['[', 'nbdkit', '--filter=delay', 'pattern', '64M', 'rdelay=200ms', '-D', mark, ']'];
    const [program, ...args] = nbdCommand('copy', '--synchronous', ...words, 'null:');
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const running = async () => (await runCommandLine(['pgrep', '-f', '--', mark])).stdout.toString();
    expect(await running()).not.toBe('');
    child.kill('SIGINT');
    expect(await exited).toBe(130);
    expect(await running()).toBe('');
  });

  /** How a command ends that is interrupted while it waits for a server or a reader: its exit code as a shell reports it. */
  async function interrupted(
    stdio: ['pipe' | 'ignore', 'pipe' | 'ignore', 'pipe'],
    ...argv: string[]
  ): Promise<{ readonly code: number; readonly seconds: number }> {
    const [program, ...args] = nbdCommand(...argv);
    const child = spawn(program, args, { stdio });
    const exited = new Promise<number>((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
    });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const start = performance.now();
    child.kill('SIGINT');
    const code = await Promise.race([exited, new Promise<number>((resolve) => setTimeout(resolve, 10_000, -1))]);
    child.kill('SIGKILL');
    return { code, seconds: (performance.now() - start) / 1000 };
  }

  it('SIGINT ends a copy whose reader does not read, and one whose writer does not write', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '10M']);
    const ends = await Promise.all([
      interrupted(['ignore', 'pipe', 'pipe'], 'copy', server.uri(), '-'),
      interrupted(['pipe', 'ignore', 'pipe'], 'copy', '-', server.uri()),
    ]);
    expect(ends.map(({ code }) => code)).toEqual([130, 130]);
  });

  it('a FIFO whose reader is gone ends it like a pipe', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '10M']);
    const pipe = workspace.hostPath('pipe');
    await runCommandLine(['mkfifo', pipe]);
    const reading = runCommandLine(['head', '-c', '100', pipe]);
    const { code, stderr } = await spawnNbd(['copy', server.uri(), pipe]);
    expect({ code, stderr: stderr.toString() }).toEqual({ code: 141, stderr: '' });
    await reading;
  });

  it('standard input that is too long and stays open is one line', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '1M']);
    const [program, ...args] = nbdCommand('copy', '-', server.uri());
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    child.stdin.on('error', () => {});
    child.stdin.write(new Uint8Array(2_000_000));
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1);
    expect(stderr).toBe('nbd: the source is longer than the target, which has 1048576 bytes\n');
  });

  it('colours are for terminals, unless asked for', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '1M']);
    const info = async (...more: string[]) => (await spawnNbd(['info', '--no-content', ...more, server.uri()])).stdout;
    expect((await info()).includes(0x1b)).toBe(false);
    expect((await info('--color')).includes(0x1b)).toBe(true);
    expect((await info('--no-color')).includes(0x1b)).toBe(false);
  });
});
