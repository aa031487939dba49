/** The command as a process: signals, colours, completion. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { findPeer, runCommandLine, startNbdkit, Workspace } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd, nbdCommand, spawnNbd } from './harness.ts';

describe('completion', () => {
  it.runIf(existsSync('/bin/bash'))('for bash parses, and completes commands and options', async () => {
    const { stdout } = await nbd('completion', 'bash');
    const script = `${stdout}
COMP_WORDS=(nbd co); COMP_CWORD=1; _nbd; echo "\${COMPREPLY[*]}"
COMP_WORDS=(nbd dump --of); COMP_CWORD=2; _nbd; echo "\${COMPREPLY[*]}"`;
    const result = await runCommandLine(['/bin/bash', '-c', script]);
    expect(result.stderr).toBe('');
    expect(result.stdout.toString()).toBe('copy completion\n--offset\n');
  });

  it.each(['zsh', 'fish'])('for %s names every command', async (shell) => {
    const { code, stdout } = await nbd('completion', shell);
    expect(code).toBe(0);
    for (const command of ['info', 'copy', 'dump', 'demo', 'completion']) expect(stdout).toContain(command);
  });
});

it('help and version go to standard output', async () => {
  for (const argv of [['--help'], ['help', 'copy'], ['info', '--help'], ['--version']]) {
    const { code, stdout, stderr } = await nbd(...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(argv[0] === '--version' ? /^\d+\.\d+\.\d+\n$/ : /^Usage: nbd/);
  }
});

describe.runIf(findPeer('nbdkit', 'bookworm') !== undefined)('with a server', () => {
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

  /** How a command ends that is interrupted while it waits for somebody: its exit code as a shell tells it. */
  async function interrupted(
    stdio: ['pipe' | 'ignore', 'pipe' | 'ignore', 'pipe'],
    ...argv: string[]
  ): Promise<number> {
    const [program, ...args] = nbdCommand(...argv);
    const child = spawn(program, args, { stdio });
    const exited = new Promise<number>((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
    });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    child.kill('SIGINT');
    const code = await Promise.race([exited, new Promise<number>((resolve) => setTimeout(resolve, 10_000, -1))]);
    child.kill('SIGKILL');
    return code;
  }

  it('SIGINT ends a copy whose reader does not read, and one whose writer does not write', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '10M']);
    const codes = await Promise.all([
      interrupted(['ignore', 'pipe', 'pipe'], 'copy', server.uri(), '-'),
      interrupted(['pipe', 'ignore', 'pipe'], 'copy', '-', server.uri()),
    ]);
    expect(codes).toEqual([130, 130]);
  });

  it('a pipe by name that nobody reads any more is one line', async () => {
    using workspace = new Workspace('bookworm');
    await using server = await startNbdkit(workspace, ['memory', '10M']);
    const pipe = workspace.hostPath('pipe');
    await runCommandLine(['mkfifo', pipe]);
    const reading = runCommandLine(['head', '-c', '100', pipe]);
    const { code, stderr } = await spawnNbd(['copy', server.uri(), pipe]);
    expect({ code, stderr: stderr.toString() }).toEqual({ code: 1, stderr: expect.stringMatching(/^nbd: EPIPE.*\n$/) });
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
