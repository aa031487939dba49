/**
 * `pnpm --filter @nbdjs/fuzz record`: records sessions of real clients with real servers, and of ours with theirs, into the
 * corpus. Needs the peers of tooling/peers.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from '@nbdjs/client';
import type { HeaderMode } from '@nbdjs/interfaces';
import {
  createWorkspace,
  type Generation,
  generations,
  makeRawImage,
  type Program,
  runPeer,
  startNbdkit,
  startQemuNbd,
} from '@nbdjs/peers';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { Recorder } from './recorder.ts';
import { corpusFolder, encodeSession, type SessionPiece } from './sessions.ts';

const imageBytes = 16 * 1024;
/** Longer sessions are cut: what follows is more of the same. */
const sessionBytesMax = 12 * 1024;

/** A client's command line; the socket is where the recorder listens. */
type Run = readonly [
  name: string,
  program: Program,
  args: (uri: string, socket: string, folder: string) => readonly string[],
];

const runs: readonly Run[] = [
  ['nbdinfo', 'nbdinfo', (uri) => ['--json', uri]],
  ['nbdinfo-list', 'nbdinfo', (uri) => ['--list', '--json', uri]],
  ['nbdinfo-map', 'nbdinfo', (uri) => ['--map', uri]],
  ['nbdcopy', 'nbdcopy', (uri, _socket, folder) => ['--connections=1', uri, `${folder}/copied.img`]],
  [
    'qemu-img-map',
    'qemu-img',
    (uri) => ['map', '--output=json', '--image-opts', `driver=nbd,server.type=unix,server.path=${socketOf(uri)}`],
  ],
  [
    'qemu-io-write',
    'qemu-io',
    (uri) => [
      '-f',
      'raw',
      '-c',
      'write -P 3 4096 1024',
      '-c',
      'write -z 8192 4096',
      '-c',
      'discard 0 512',
      '-c',
      'flush',
      '-c',
      'read 4096 512',
      uri,
    ],
  ],
];

function socketOf(uri: string): string {
  return new URL(uri).searchParams.get('socket') ?? '';
}

for (const name of readdirSync(corpusFolder)) {
  if (name.endsWith('.session')) rmSync(`${corpusFolder}${name}`);
}
for (const generation of generations()) await record(generation);

async function record(generation: Generation): Promise<void> {
  await using workspace = createWorkspace(generation);
  makeRawImage(workspace.hostPath('disk.img'), imageBytes, [{ offset: 4096, length: 2048 }]);
  const servers = [
    [
      'qemu-nbd',
      () => startQemuNbd(workspace, { image: 'disk.img', format: 'raw', description: 'a disk', allocationDepth: true }),
    ],
    ['nbdkit', () => startNbdkit(workspace, ['file', workspace.peerPath('disk.img')])],
    ['ours', () => startOurs(workspace.socketPath('ours'))],
  ] as const;
  for (const [serverName, start] of servers) {
    await using server = await start();
    for (const [clientName, program, args] of runs) {
      const path = workspace.socketPath('recorder');
      const peerPath = workspace.peerPath('recorder');
      await using recorder = await Recorder.start(path, server.socketPath);
      const uri = `nbd+unix:///?socket=${peerPath}`;
      const { code, stderr } = await runPeer(program, generation, args(uri, peerPath, workspace.peerPath('.')));
      if (code !== 0) console.log(`${clientName} with ${serverName}: exit ${code}: ${stderr.trim()}`);
      save(`${generation}-${clientName}-${serverName}`, recorder.sessions);
    }
    if (serverName === 'ours') continue;
    for (const mode of ['simple', 'structured', 'extended'] as const) {
      const path = workspace.socketPath('recorder');
      await using recorder = await Recorder.start(path, server.socketPath);
      await useOurs(`nbd+unix:///?socket=${path}`, mode);
      save(`${generation}-ours-${mode}-${serverName}`, recorder.sessions);
    }
  }
}

/** What our own client has to say. */
async function useOurs(uri: string, mode: HeaderMode): Promise<void> {
  await using client = await connect(uri, { delivery: 'inline', fullInfo: true, mode });
  await client.read(4096, new Uint8Array(3000));
  await client.write(8192, new Uint8Array(700).fill(5));
  await client.writeZeroes(0, 512);
  await client.flush();
  if (mode !== 'simple') for await (const _extent of client.extents());
}

async function startOurs(socketPath: string): Promise<{ readonly socketPath: string } & AsyncDisposable> {
  const device = createMemoryDevice({ size: imageBytes });
  await device.write(4096, new Uint8Array(2048).fill(9));
  const server = createServer({ exports: { '': { device, description: 'ours' } } });
  const listener = await listen({ type: 'unix', path: socketPath }, (channel) => void server.accept(channel));
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await server.destroy();
      await device.close();
    },
  };
}

/** Sessions in which nothing happened are left out. */
function save(name: string, sessions: readonly (readonly SessionPiece[])[]): void {
  sessions
    .filter((pieces) => pieces.some(({ from }) => from === 'client'))
    .slice(0, 2)
    .forEach((pieces, index) => {
      const file = encodeSession(shortened(pieces));
      writeFileSync(`${corpusFolder}${name}${index === 0 ? '' : `-${index + 1}`}.session`, file);
      console.log(`${name}: ${file.length} bytes`);
    });
}

function shortened(pieces: readonly SessionPiece[]): readonly SessionPiece[] {
  const kept: SessionPiece[] = [];
  let byteCount = 0;
  for (const { from, bytes } of pieces) {
    if (byteCount >= sessionBytesMax) break;
    kept.push({ from, bytes: bytes.subarray(0, sessionBytesMax - byteCount) });
    byteCount += bytes.length;
  }
  return kept;
}
