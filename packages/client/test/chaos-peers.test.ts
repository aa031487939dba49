/** Connections to real servers that are cut at places of all kinds, in both directions. */
import { describePeers, makeRawImage, type PeerServer, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { ChaosProxy, patternBytes, seededRandom } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type NbdClient } from '../src/index.ts';

const mebi = 2 ** 20;
const size = 4 * mebi;
const directions = ['up', 'down'] as const;

/** Bytes of all kinds of messages, long payloads among them. */
async function session(disk: NbdClient, model: Uint8Array): Promise<void> {
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
  const [pattern, large] = [patternBytes(3000), bytes(300_000, 9)];
  await Promise.all([
    disk.write(0, pattern),
    disk.write(mebi, large),
    disk.writeZeroes(2 * mebi, 70_000),
    disk.trim(3 * mebi, 65_536),
    disk.readBytes(100_000, 200_000),
    disk.blockStatus(0, size),
  ]);
  model.set(pattern);
  model.set(large, mebi);
  model.fill(0, 2 * mebi, 2 * mebi + 70_000);
  await disk.write(512, bytes(512, 3), { fua: true });
  model.fill(3, 512, 1024);
  await disk.flush();
  // What a trimmed range reads as is the server's affair.
  const seen = await disk.readBytes(0, 3 * mebi);
  expect(Buffer.compare(seen, model.subarray(0, 3 * mebi))).toBe(0);
}

describePeers('real servers behind a proxy that cuts', ['qemu-nbd', 'nbdkit'], (generation) => {
  let workspace: Workspace;
  let server: PeerServer;
  let proxy: ChaosProxy;

  beforeEach(() => {
    workspace = new Workspace(generation);
  });

  afterEach(async () => {
    await proxy.close();
    await server.stop();
    workspace.dispose();
  });

  async function start(peer: 'qemu-nbd' | 'nbdkit'): Promise<void> {
    makeRawImage(workspace.hostPath('disk'), size, [{ offset: 0, length: size }]);
    server =
      peer === 'qemu-nbd'
        ? await startQemuNbd(workspace, { image: 'disk', format: 'raw', extraArguments: ['--discard=unmap'] })
        : await startNbdkit(workspace, ['memory', String(size)]);
    proxy = await ChaosProxy.start({
      listen: { type: 'unix', path: workspace.socketPath('proxy') },
      target: { type: 'unix', path: server.socketPath },
    });
  }

  /** One session, whose first connection is cut there. */
  async function run(cut?: { readonly [direction in (typeof directions)[number]]?: number }): Promise<void> {
    const first = proxy.acceptedCount;
    proxy.plan = (index) =>
      index > first || cut === undefined ? {} : { up: { cutAt: cut.up }, down: { cutAt: cut.down } };
    const disk = await connect(proxy.uri(), { delivery: 'inline', openTimeoutMs: 20_000, reconnectDelayMs: 20_000 });
    try {
      const model = await disk.readBytes(0, size);
      await session(disk, model);
    } finally {
      await disk.close();
    }
    if (cut !== undefined) expect(proxy.acceptedCount - first).toBe(2);
  }

  describe.each(['qemu-nbd', 'nbdkit'] as const)('%s', (peer) => {
    it.each(directions)(
      'nothing is lost, wherever it cuts what goes %s',
      async (direction) => {
        await start(peer);
        await run();
        const total = proxy.connections[0]?.[direction].bytes ?? 0;
        // Some in the first replies behind the handshake, the others anywhere; a cut in the handshake costs a second each.
        const random = seededRandom(direction.length);
        const places = [40, ...Array.from({ length: 7 }, () => 700 + Math.floor(random() * (total - 800)))];
        for (const place of places) await run({ [direction]: place });
        await expect.poll(() => proxy.openCount).toBe(0);
      },
      60_000,
    );
  });
});
