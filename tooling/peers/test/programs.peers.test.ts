import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  commandLine,
  describePeers,
  findPeer,
  type Generation,
  generations,
  missingPeers,
  missingPeersLine,
  type Program,
  peersRequired,
  programs,
  runCommandLine,
  runPeer,
} from '../src/index.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describePeers('programs', programs, (generation) => {
  it('are found with their versions', () => {
    expect(generations()).toContain(generation);
    for (const program of programs) {
      expect(findPeer(program, generation)).toMatchObject({ program, version: expect.stringMatching(/^\d+\.\d+/) });
    }
  });

  it('are newer in trixie', () => {
    const major = (program: Program): number => Number(findPeer(program, generation)?.version.split('.')[0]);
    // Extended headers came with 8.2.
    expect(major('qemu-nbd') >= 9).toBe(generation === 'trixie');
  });

  it('get input and environment, and give all that they print', async () => {
    const script =
      'import os, sys; print(os.environ["X"], sys.stdin.read()); print("no", file=sys.stderr); sys.exit(3)';
    const options = { stdin: Buffer.from('in'), env: { X: 'x' } };
    const result = await runPeer('nbdsh', generation, ['-c', script], options);
    expect(result).toMatchObject({ code: 3, signal: null, stderr: 'no\n', isTimedOut: false });
    expect(result.stdout.toString()).toBe('x in\n');
  });

  it('do not run for ever', async () => {
    const result = await runPeer('nbdsh', generation, ['-c', 'import time; time.sleep(60)'], { timeoutMs: 500 });
    expect(result).toMatchObject({ code: null, signal: 'SIGKILL', isTimedOut: true });
  });
});

describe('missing programs', () => {
  const missing = 'no-such-peer' as Program;

  it('are named in one line', () => {
    expect(missingPeersLine().split('\n')).toHaveLength(1);
    expect(missingPeersLine() === '').toBe(missingPeers().length === 0);
    for (const name of missingPeers()) expect(missingPeersLine()).toContain(name);
  });

  it.each<Generation>(['bookworm', 'trixie'])('cannot be run: %s', async (generation) => {
    expect(findPeer(missing, generation)).toBeUndefined();
    expect(() => commandLine(missing, generation, [])).toThrow(/not installed/);
    await expect(runPeer(missing, generation, [])).rejects.toThrow(/not installed/);
  });

  it('are required by the environment', () => {
    vi.stubEnv('NBDJS_REQUIRE_PEERS', '1');
    expect(peersRequired()).toBe(true);
    vi.stubEnv('NBDJS_REQUIRE_PEERS', '');
    expect(peersRequired()).toBe(false);
  });

  it('are distinguished from programs that fail', async () => {
    const result = await runCommandLine(['/no/such/program']).catch((error: NodeJS.ErrnoException) => error);
    // With setpriv in front it is that which fails.
    expect(result).toMatchObject(result instanceof Error ? { code: 'ENOENT' } : { code: 127 });
  });
});
