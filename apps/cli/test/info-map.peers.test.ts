/** Block maps that are longer than what can be kept. */
import { findPeer, runPeer, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extentBytes, serveExtents as serveExtentsAt } from './extent-server.ts';
import { nbd, spawnNbd } from './harness.ts';

let workspace: Workspace;
let end: () => Promise<void> = async () => {};

beforeEach(() => {
  workspace = new Workspace('bookworm');
});
afterEach(async () => {
  await end();
  workspace[Symbol.dispose]();
});

/** Serves so many extents of 4 KiB with statuses by their number; gives the URI. */
async function serveExtents(count: number, statusOf: (index: number) => bigint): Promise<string> {
  const { uri, close } = await serveExtentsAt(workspace.socketPath('map'), count, statusOf);
  end = close;
  return uri;
}

const alternating = (index: number): bigint => (index % 2 === 0 ? 0n : 3n);

it.each([['--map'], ['--map', '--json'], ['--map', '--totals']])(
  'A8: a map is printed as it comes, and nothing of it is kept (%s %s)',
  async (...options) => {
    const count = 600_000;
    const uri = await serveExtents(count, alternating);
    // Kept as lines or objects, that many would not fit.
    const env = { NODE_OPTIONS: '--max-old-space-size=80' };
    const { code, stdout, stderr } = await spawnNbd(['info', ...options, uri], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.toString().split('\n');
    if (options[1] === '--totals') {
      expect(stdout.toString()).toBe('1228800000  50.0%   0 data\n1228800000  50.0%   3 hole,zero\n');
    } else if (options[1] === '--json') {
      expect(lines).toHaveLength(count + 3);
      const extents = JSON.parse(stdout.toString()) as { offset: number }[];
      expect(extents).toHaveLength(count);
      expect(extents.every(({ offset }, index) => offset === index * Number(extentBytes))).toBe(true);
    } else {
      expect(lines).toHaveLength(count + 1);
      expect(lines[70_001]).toBe(' 286724096        4096    3  hole,zero');
    }
  },
);

describe.runIf(findPeer('nbdinfo', 'bookworm') !== undefined)('as nbdinfo prints them', () => {
  it('byte for byte, neighbours merged wherever an answer ended', async () => {
    const uri = await serveExtents(60_000, (index) => BigInt(Math.floor(index / 50_000 + (index % 7) / 6) % 4));
    for (const options of [['--map'], ['--map', '--json'], ['--map', '--totals'], ['--map', '--totals', '--json']]) {
      const [mine, theirs] = await Promise.all([
        nbd('info', ...options, uri),
        runPeer('nbdinfo', 'bookworm', [...options, uri]),
      ]);
      expect(mine).toEqual({ code: 0, stderr: '', stdout: theirs.stdout.toString() });
    }
  });
});

it('totals of too many different statuses are refused, before they take up memory', async () => {
  const uri = await serveExtents(70_000, (index) => BigInt(index));
  const { code, stdout, stderr } = await nbd('info', '--map', '--totals', uri);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe('nbd: expected at most 65536 statuses of extents, got more\n');
});

it('--map --mode simple says that it is the mode', async () => {
  const uri = await serveExtents(10, alternating);
  expect(await nbd('info', '--map', '--mode', 'simple', uri)).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'nbd: --map: there is no metadata context "base:allocation" with --mode simple: block maps need structured replies\n',
  });
});
