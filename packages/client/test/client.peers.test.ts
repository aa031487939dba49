import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { baseAllocation } from '@nbdjs/interfaces';
import {
  describePeers,
  type Generation,
  makeRawImage,
  type PeerServer,
  runPeer,
  startNbdkit,
  startQemuNbd,
  Workspace,
} from '@nbdjs/peers';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type NbdClient, resolveTarget } from '../src/index.ts';

const mebi = 1024 * 1024;

let workspace: Workspace;

function inWorkspace(generation: Generation): void {
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(() => workspace[Symbol.dispose]());
}

describePeers('the client', ['nbdkit', 'qemu-nbd', 'qemu-img'], (generation) => {
  inWorkspace(generation);

  for (const [name, args] of [
    ['nbdkit', []],
    ['nbdkit without structured replies', ['--no-sr']],
    ['nbdkit with blocks of 512 bytes', ['--filter=blocksize-policy']],
  ] as const) {
    blockDeviceConformance(`a remote export of ${name}`, {
      async make(size) {
        const server = await startNbdkit(workspace, [
          ...args,
          'memory',
          String(size),
          ...(args.length > 0 && args[0] !== '--no-sr'
            ? ['blocksize-minimum=512', 'blocksize-maximum=65536', 'blocksize-error-policy=error']
            : []),
        ]);
        const client = await connect(server.uri());
        void client.closed.then(() => server.stop());
        return client;
      },
    });
  }

  blockDeviceConformance('a remote export of qemu-nbd', {
    async make(size) {
      makeRawImage(workspace.hostPath('disk.img'), size, []);
      const server = await startQemuNbd(workspace, {
        image: 'disk.img',
        format: 'raw',
        extraArguments: ['--discard=unmap'],
      });
      const client = await connect(server.uri(), { delivery: 'inline' });
      void client.closed.then(() => server.stop());
      return client;
    },
  });

  describe('with an image behind qemu-nbd', () => {
    let server: PeerServer;
    let client: NbdClient;

    beforeEach(async () => {
      makeRawImage(workspace.hostPath('disk.img'), 8 * mebi, [{ offset: mebi, length: 2 * mebi + 4096 }]);
      server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', allocationDepth: true });
      client = await connect(server.uri(), { contexts: [baseAllocation, 'qemu:allocation-depth', 'no:such'] });
    });

    afterEach(async () => {
      await client.close();
      await server.stop();
    });

    it('tells what was agreed on', () => {
      expect(client.facts.mode).toBe(generation === 'trixie' ? 'extended' : 'structured');
      expect(client.abilities.contexts).toEqual([baseAllocation, 'qemu:allocation-depth']);
      expect(client.geometry).toMatchObject({ size: 8_388_608n, minimumBlockSize: 1, maximumBlockSize: 32 * mebi });
      expect(client.state).toBe('connected');
    });

    it('gives the extents of each context', async () => {
      const holes: [bigint, bigint][] = [];
      for await (const { offset, length, status } of client.extents()) if (status !== 0n) holes.push([offset, length]);
      expect(holes).toEqual([
        [0n, 1_048_576n],
        [3_149_824n, 5_238_784n],
      ]);
      const both = await client.blockStatus(0, 8 * mebi);
      expect(both.map(({ context }) => context)).toEqual([baseAllocation, 'qemu:allocation-depth']);
      const [depth] = await client.blockStatus(0, 4096, { contexts: ['qemu:allocation-depth'] });
      expect(depth?.extents).toEqual([{ offset: 0n, length: 4096n, status: 1n }]);
    });

    it('reads and writes by Node streams and web streams', async () => {
      const content = readFileSync(workspace.hostPath('disk.img'));
      const hash = createHash('sha256');
      await pipeline(client.createReadStream({ offset: 1000, length: 3_000_000 }), hash);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(content.subarray(1000, 3_001_000)).digest('hex'));

      const followed = createHash('sha256');
      await pipeline(client.createReadStream({ requests: 'auto' }), followed);
      expect(followed.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));

      const parts: Uint8Array[] = [];
      for await (const part of client.readable({ offset: 8 * mebi - 100 })) parts.push(part);
      expect(Buffer.concat(parts).equals(content.subarray(-100))).toBe(true);

      await pipeline(
        Readable.from([Buffer.from('hello, '), Buffer.from('world')]),
        client.createWriteStream({ offset: 5 }),
      );
      const writer = client.writable({ offset: 100 }).getWriter();
      await writer.write(Uint8Array.of(1, 2, 3));
      await writer.close();
      expect(Buffer.from(await client.readBytes(5, 12)).toString()).toBe('hello, world');
      expect(await client.readBytes(100, 3)).toEqual(Uint8Array.of(1, 2, 3));
    });

    it('ends a write stream that does not fit with an error', async () => {
      const stream = client.createWriteStream({ offset: 8 * mebi - 4 });
      await expect(pipeline(Readable.from([Buffer.alloc(5)]), stream)).rejects.toMatchObject({
        code: 'ERR_NBD_OUT_OF_BOUNDS',
      });
    });

    it('frees the caller of an abandoned request at once, and goes on', async () => {
      const abort = new AbortController();
      const reason = new Error('enough');
      const target = new Uint8Array(4 * mebi);
      const reading = client.read(0, target, { signal: abort.signal });
      abort.abort(reason);
      await expect(reading).rejects.toBe(reason);
      target.fill(9);
      await client.readBytes(0, 8 * mebi);
      expect(target.every((byte) => byte === 9)).toBe(true);
    });

    it('waits for what is under way when it is closed, and fails it when it is destroyed', async () => {
      const reading = client.readBytes(mebi, mebi);
      await client.close();
      expect((await reading).some((byte) => byte !== 0)).toBe(true);
      const other = await connect(server.uri());
      const lost = other.readBytes(0, mebi);
      other.destroy(new Error('no more'));
      await expect(lost).rejects.toThrow(/no more/);
      expect(await other.closed).toMatchObject({ message: 'no more' });
    });

    it('publishes its requests to subscribers', async () => {
      const seen: unknown[] = [];
      const listen = (message: unknown): void => void seen.push(message);
      subscribe('nbdjs:multiplexer:request', listen);
      await client.readBytes(0, 512);
      unsubscribe('nbdjs:multiplexer:request', listen);
      expect(seen).toHaveLength(1);
    });

    it('is served again when the server comes back, if it may wait for that', async () => {
      const patient = await connect(server.uri(), { reconnectDelayMs: 10_000 });
      const before = await patient.readBytes(mebi, 4096);
      server.kill('SIGKILL');
      await server.exited;
      const reading = patient.readBytes(mebi, 4096);
      rmSync(server.socketPath, { force: true });
      const again = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', allocationDepth: true });
      renameSync(again.socketPath, server.socketPath);
      expect(await reading).toEqual(before);
      await patient.close();
      await again.stop();
    });
  });

  it('writes what others read', async () => {
    expect(
      await runPeer('qemu-img', generation, ['create', '-f', 'qcow2', workspace.peerPath('d.qcow2'), '16M']),
    ).toMatchObject({ code: 0 });
    await using server = await startQemuNbd(workspace, { image: 'd.qcow2', format: 'qcow2' });
    {
      await using client = await connect(server.uri());
      await client.write(12_345, new Uint8Array(100_000).fill(0x5a), { fua: true });
      await client.writeZeroes(50_000, 1000);
      await client.trim(4 * mebi, mebi);
      await client.cache(0, mebi);
      await client.flush();
    }
    await server.stop();
    const compare = ['convert', '-f', 'qcow2', '-O', 'raw', workspace.peerPath('d.qcow2'), workspace.peerPath('d.raw')];
    expect(await runPeer('qemu-img', generation, compare)).toMatchObject({ code: 0 });
    const expected = Buffer.alloc(16 * mebi);
    expected.fill(0x5a, 12_345, 112_345).fill(0, 50_000, 51_000);
    expect(readFileSync(workspace.hostPath('d.raw')).equals(expected)).toBe(true);
  });

  it('runs a command', async () => {
    if (generation === 'trixie') return;
    await using client = await connect({ command: ['nbdkit', 'pattern', '1M'] });
    expect(Buffer.from(await client.readBytes(4096, 8)).readBigUInt64BE()).toBe(4096n);
  });
});

describe('targets', () => {
  it.each([
    ['nbd://host/x', { type: 'tcp', host: 'host', port: 10809 }, 'x'],
    ['nbd+unix:///y?socket=/s', { type: 'unix', path: '/s' }, 'y'],
    [{ command: ['a', 'b'] as const }, { type: 'command', command: ['a', 'b'], mode: 'socket-activation' }, ''],
    [{ descriptor: 5 }, { type: 'descriptor', fd: 5 }, ''],
  ] as const)('%j', (target, endpoint, exportName) => {
    expect(resolveTarget(target as never)).toMatchObject({ endpoint, exportName });
  });

  it('that make no sense are refused', async () => {
    await expect(connect('disk.img')).rejects.toMatchObject({ code: 'ERR_NBD_URI' });
    await expect(connect({ command: [''] })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    await expect(connect('nbd+vsock://2/')).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
  });
});
