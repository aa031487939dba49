/** Connections to real servers that are cut at places of all kinds, in both directions. */
import { describePeers, makeRawImage, type PeerServer, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { ChaosProxy, patternBytes, seededRandom } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type NbdClient } from '../src/index.ts';

const mebi = 2 ** 20;
/** Each session has an area of its own. */
const areaBytes = 4 * mebi;
const cutsEach = 8;
const size = (1 + cutsEach) * areaBytes;
const directions = ['up', 'down'] as const;

/**
 * Bytes of all kinds of messages, long payloads among them. Nothing is written twice to one place: a server that lives on may still be
 * at work on what a lost connection has brought it, after whatever the next one brings.
 */
async function session(disk: NbdClient, start: number): Promise<void> {
  const model = await disk.readBytes(start, areaBytes);
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
  const [pattern, large] = [patternBytes(3000), bytes(300_000, 9)];
  await Promise.all([
    disk.write(start, pattern),
    disk.write(start + mebi, large),
    disk.writeZeroes(start + 2 * mebi, 70_000),
    disk.trim(start + 3 * mebi, 65_536),
    disk.readBytes(start + 100_000, 200_000),
    disk.blockStatus(0, size),
  ]);
  model.set(pattern);
  model.set(large, mebi);
  model.fill(0, 2 * mebi, 2 * mebi + 70_000);
  await disk.write(start + 4096, bytes(512, 3), { fua: true });
  model.fill(3, 4096, 4096 + 512);
  await disk.flush();
  // What a trimmed range reads as is the server's affair.
  const seen = await disk.readBytes(start, 3 * mebi);
  expect(seen.findIndex((byte, index) => byte !== model[index])).toBe(-1);
}

describePeers('real servers behind a proxy that cuts', ['qemu-nbd', 'nbdkit'], (generation) => {
  let workspace: Workspace;
  let server: PeerServer;
  let proxy: ChaosProxy;
  let isOver: boolean;
  let restartCount: number;
  /** Rejects when the server is gone and none comes in its place. */
  let supervision: Promise<void>;

  beforeEach(() => {
    workspace = new Workspace(generation);
    isOver = false;
    restartCount = 0;
  });

  afterEach(async () => {
    isOver = true;
    await proxy.close();
    await server.stop();
    await supervision.finally(() => workspace.dispose());
  });

  const servers = {
    'qemu-nbd': () => startQemuNbd(workspace, { image: 'disk', format: 'raw', extraArguments: ['--discard=unmap'] }),
    nbdkit: () => startNbdkit(workspace, ['file', workspace.peerPath('disk')]),
  };

  async function start(peer: keyof typeof servers): Promise<void> {
    makeRawImage(workspace.hostPath('disk'), size, [{ offset: 0, length: size }]);
    server = await servers[peer]();
    proxy = await ChaosProxy.start({
      listen: { type: 'unix', path: workspace.socketPath('proxy') },
      target: { type: 'unix', path: server.socketPath },
    });
    supervision = supervise(peer);
    // Who waits for it does so at the end.
    supervision.catch(() => {});
  }

  /**
   * Until 1.34, an assertion of nbdkit's fails when a client leaves while two replies are on their way to it. A user of such a
   * server starts it again, over the same file, and so does this.
   */
  async function supervise(peer: keyof typeof servers): Promise<void> {
    for (;;) {
      await server.exited;
      if (isOver) return;
      expect(server.stderr).toMatch(/^nbdkit: connections\.c:\d+: raw_send_\w+: Assertion `sock >= 0' failed\.$/m);
      const dead = server;
      server = await servers[peer]();
      proxy.target = { type: 'unix', path: server.socketPath };
      await dead.stop();
      if (isOver) await server.stop();
      restartCount++;
    }
  }

  /** One session in the area with that number, whose first connection is cut there. */
  async function run(
    area: number,
    cut?: { readonly [direction in (typeof directions)[number]]?: number },
  ): Promise<void> {
    const [first, before] = [proxy.acceptedCount, restartCount];
    proxy.plan = (index) =>
      index > first || cut === undefined ? {} : { up: { cutAt: cut.up }, down: { cutAt: cut.down } };
    const disk = await connect(proxy.uri(), { delivery: 'inline', openTimeoutMs: 20_000, reconnectDelayMs: 20_000 });
    try {
      await session(disk, area * areaBytes);
    } finally {
      await disk.close();
    }
    // One connection is cut, the next one serves; a server that has to be started again may have missed some in between.
    if (cut === undefined) return;
    if (restartCount === before) expect(proxy.acceptedCount - first).toBe(2);
    else expect(proxy.acceptedCount - first).toBeGreaterThanOrEqual(2);
  }

  describe.each(['qemu-nbd', 'nbdkit'] as const)('%s', (peer) => {
    it.each(directions)(
      'nothing is lost, wherever it cuts what goes %s',
      async (direction) => {
        await start(peer);
        await run(0);
        const total = proxy.connections[0]?.[direction].bytes ?? 0;
        // Some in the first replies behind the handshake, the others anywhere; a cut in the handshake costs a second each.
        const random = seededRandom(direction.length);
        const places = [40, ...Array.from({ length: cutsEach - 1 }, () => 700 + Math.floor(random() * (total - 800)))];
        for (const [index, place] of places.entries()) await run(1 + index, { [direction]: place });
        await expect.poll(() => proxy.openCount).toBe(0);
      },
      60_000,
    );
  });
});
