/** Real clients and servers with a proxy between them, which they must not notice. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createOpenerConnector } from '@nbdjs/connection';
import type { Established } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import {
  describePeers,
  type Generation,
  type PeerServer,
  type Program,
  runPeer,
  startNbdkit,
  startQemuNbd,
  Workspace,
} from '@nbdjs/peers';
import { createServer } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { connectUnix, createMemoryPair, listen } from '@nbdjs/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type ConnectionEntry,
  createListeningProxy,
  FaultInjector,
  MessageCollector,
  type PayloadKeeping,
  type ReadEntry,
  type ReplayDifference,
  type ReplayWish,
  replayRecording,
  SessionLog,
  traceText,
} from '../src/index.ts';
import { pattern } from './transcripts.ts';

let workspace: Workspace;
let lines: string[];

/** A proxy before a server on a Unix socket; returns the URI for clients of the peer's generation. */
async function proxyTo(
  server: PeerServer,
  rules: readonly string[] = [],
  { payload, sink }: { readonly payload?: PayloadKeeping; readonly sink?: (entry: ConnectionEntry) => void } = {},
) {
  const collector = new MessageCollector((message) => lines.push(traceText(message).replace(/^.*?#/, '#')));
  const log = new SessionLog(
    (entry) => {
      collector.add(entry);
      sink?.(entry);
    },
    { clock: systemClock, startedMs: Date.now(), payload, createHash: () => createHash('sha256') },
  );
  const path = new URL(server.uri()).searchParams.get('socket') ?? '';
  const proxy = createListeningProxy({
    upstream: { open: ({ signal }) => connectUnix(path, { signal }) },
    log,
    clock: systemClock,
    ...(rules.length > 0 ? { faults: new FaultInjector(rules) } : {}),
  });
  const listener = await listen(
    { type: 'unix', path: workspace.socketPath('proxy') },
    (channel) => void proxy.accept(channel),
  );
  return {
    uri: `nbd+unix:///?socket=${workspace.peerPath('proxy')}`,
    [Symbol.asyncDispose]: async () => {
      await listener.close();
      await proxy.close();
    },
  };
}

const image = (): Buffer => {
  const bytes = Buffer.alloc(4 * 2 ** 20);
  bytes.set(pattern(300_000), 1_000_000);
  bytes.set(pattern(70_000, 5), 3_000_000);
  return bytes;
};

async function output(program: Program, generation: Generation, args: readonly string[]) {
  const { code, stdout, stderr } = await runPeer(program, generation, args);
  return { code, stdout: stdout.toString(), stderr };
}

describePeers('through a proxy', ['qemu-nbd', 'qemu-img', 'nbdkit', 'nbdinfo', 'nbdcopy'], (generation) => {
  beforeEach(() => {
    workspace = new Workspace(generation);
    lines = [];
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('nbdinfo and qemu-img say the same as without it', async () => {
    writeFileSync(workspace.hostPath('disk.img'), image());
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    await using proxy = await proxyTo(server);
    const commands: readonly (readonly [Program, readonly string[]])[] = [
      ['nbdinfo', ['--map']],
      ['nbdinfo', ['--list']],
      ['nbdinfo', ['--json', '--no-content']],
      ['qemu-img', ['map', '--output=json', '-f', 'raw']],
    ];
    for (const [program, args] of commands) {
      const [direct, through] = [server.peerUri(), proxy.uri].map((uri) => output(program, generation, [...args, uri]));
      const plain = await direct;
      expect(plain?.code).toBe(0);
      const seen = await through;
      expect({ ...seen, stdout: seen?.stdout.replaceAll(proxy.uri, server.peerUri()) }).toEqual(plain);
    }
    expect(lines.some((line) => line.includes('> BLOCK_STATUS cookie='))).toBe(true);
    expect(lines.filter((line) => line.includes('undecoded'))).toEqual([]);
  });

  it('qemu-img and nbdcopy copy both ways', async () => {
    writeFileSync(workspace.hostPath('disk.img'), image());
    writeFileSync(workspace.hostPath('other.img'), Buffer.alloc(image().length, 7));
    await using server = await startQemuNbd(workspace, { image: 'other.img', format: 'raw' });
    await using proxy = await proxyTo(server);
    const copied = await output('nbdcopy', generation, [workspace.peerPath('disk.img'), proxy.uri]);
    expect(copied).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(Buffer.compare(readFileSync(workspace.hostPath('other.img')), image())).toBe(0);
    const target = workspace.peerPath('copy.img');
    const converted = await output('qemu-img', generation, ['convert', '-f', 'raw', '-O', 'raw', proxy.uri, target]);
    expect(converted).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(Buffer.compare(readFileSync(workspace.hostPath('copy.img')), image())).toBe(0);
    // nbdcopy uses several connections.
    expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBeGreaterThan(2);
    expect(lines.filter((line) => /undecoded|\[/.test(line))).toEqual([]);
  });

  it('clients see the faults', async () => {
    await using server = await startNbdkit(workspace, ['data', '1 2 3', 'size=1M']);
    await using proxy = await proxyTo(server, ['read: error ENOSPC', 'option list: error ERR_POLICY']);
    const read = await output('nbdcopy', generation, [proxy.uri, workspace.peerPath('out.img')]);
    expect(read.code).toBe(1);
    expect(read.stderr).toContain('No space left on device');
    const listed = await output('nbdinfo', generation, ['--list', proxy.uri]);
    expect(listed.code).not.toBe(0);
    expect(lines.filter((line) => line.includes('undecoded'))).toEqual([]);
  });

  it('a reply that is cut in the middle is a lost connection', async () => {
    await using server = await startNbdkit(workspace, ['pattern', '1M']);
    await using proxy = await proxyTo(server, ['read: once: cut reply']);
    const { code, stderr } = await output('nbdcopy', generation, [proxy.uri, workspace.peerPath('out.img')]);
    expect(code).toBe(1);
    expect(stderr).toContain('not connected');
  });

  it('a recorded session of qemu-img gives the same replies at our server', async () => {
    writeFileSync(workspace.hostPath('disk.img'), image());
    const entries: ConnectionEntry[] = [];
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    await using proxy = await proxyTo(server, [], { payload: 'hash', sink: (entry) => entries.push(entry) });
    const target = workspace.peerPath('copy.img');
    const converted = await output('qemu-img', generation, ['convert', '-f', 'raw', '-O', 'raw', proxy.uri, target]);
    const mapped = await output('qemu-img', generation, ['map', '--output=json', '-f', 'raw', proxy.uri]);
    expect([converted.code, mapped.code]).toEqual([0, 0]);

    const device = await openFileDevice(workspace.hostPath('disk.img'), { readOnly: true });
    const ours = createServer({ exports: { '': { device } } });
    const connect = async ({ mode, contexts }: ReplayWish): Promise<Established> => {
      const opener = {
        open: () => {
          const [near, far] = createMemoryPair();
          void ours.accept(far);
          return near;
        },
      };
      const connector = createOpenerConnector({ opener, handshake: { mode, contexts } });
      return await connector.establish({ wait: true }).finally(() => connector.release());
    };
    const differences: ReplayDifference[] = [];
    const report = await replayRecording(listed(entries), {
      connect,
      clock: systemClock,
      createHash: () => createHash('sha256'),
      onDifference: (difference) => differences.push(difference),
    });
    await ours.close();
    await device.close();
    expect(differences).toEqual([]);
    expect(report).toMatchObject({ unanswered: 0, skipped: { writes: 0, payload: 0, length: 0, others: 0, lost: 0 } });
    expect(report.compared).toBe(report.requests);
    expect(report.requests).toBeGreaterThan(3);
  });
});

async function* listed(entries: readonly ConnectionEntry[]): AsyncGenerator<ReadEntry, void, void> {
  yield* entries;
}
