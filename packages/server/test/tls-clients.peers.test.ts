/** TLS with clients of all kinds: those of two Debians, and our own across restarts. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from '@nbdjs/client';
import { describePeers, makeRawImage, type Program, runPeer, sha256OfFile, Workspace } from '@nbdjs/peers';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom, TestAuthority } from '@nbdjs/testkit';
import { type Listener, listen, serverTls, type TlsServerSettings } from '@nbdjs/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';

const mebi = 2 ** 20;
const size = 8 * mebi;
const hexKey = 'c0ffee'.repeat(10);
const clients = ['nbdinfo', 'nbdcopy', 'qemu-img'] as const satisfies readonly Program[];

let workspace: Workspace;
let authority: TestAuthority;
let server: Server;
let listener: Listener;
let port = 0;

/** By TCP, which reaches the clients in their folder as well. */
async function serve(tls: TlsServerSettings): Promise<void> {
  server = createServer({ exports: { disk: createMemoryDevice({ size }) }, tls: serverTls(tls) });
  listener = await listen({ type: 'tcp', host: '127.0.0.1', port }, (channel) => void server.accept(channel));
  if (listener.address.type === 'tcp') port = listener.address.port;
}

const certificates = (): TlsServerSettings => ({ certificates: { folder: workspace.hostPath('pki') } });

function inWorkspace(make: () => Workspace): void {
  beforeEach(async () => {
    workspace = make();
    port = 0;
    authority = await TestAuthority.create();
    await authority.issueServer(workspace.hostPath('pki'));
    await authority.issueClient(workspace.hostPath('pki'), { name: 'one' });
    writeFileSync(workspace.hostPath('keys.psk'), `# a comment\nalice:${hexKey}\n`);
    makeRawImage(workspace.hostPath('disk'), size, [{ offset: mebi, length: 3 * mebi }]);
  });
  afterEach(async () => {
    await listener.close();
    await server.destroy();
    workspace[Symbol.dispose]();
  });
}

describePeers('our server, in TLS', clients, (generation) => {
  inWorkspace(() => new Workspace(generation));
  const run = async (program: Program, ...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await runPeer(program, generation, args);
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}`);
    return stdout.toString();
  };
  const x509Uri = (): string => `nbds://localhost:${port}/disk?tls-certificates=${workspace.peerPath('pki')}`;
  const pskUri = (user = 'alice'): string =>
    `nbds://${user}@localhost:${port}/disk?tls-psk-file=${workspace.peerPath('keys.psk')}`;

  it.each([
    ['certificates of both sides', () => ({ ...certificates(), allow: ['CN=one'] }), x509Uri],
    ['a shared key', () => ({ psk: { file: workspace.hostPath('keys.psk') }, allow: ['alice'] }), pskUri],
  ] as const)('libnbd tells of it and copies both ways, with %s', async (_, settings, uri) => {
    await serve(settings());
    const told = JSON.parse(await run('nbdinfo', '--json', uri()));
    expect(told).toMatchObject({ protocol: 'newstyle-fixed', TLS: true });
    await run('nbdcopy', workspace.peerPath('disk'), uri());
    await run('nbdcopy', uri(), workspace.peerPath('back'));
    expect(await sha256OfFile(workspace.hostPath('back'))).toBe(await sha256OfFile(workspace.hostPath('disk')));
  });

  it('libnbd is told who is not served, and gets nowhere in the clear', async () => {
    await serve({ ...certificates(), allow: ['CN=two'] });
    await expect(run('nbdinfo', x509Uri())).rejects.toThrow(/opt_go/);
    await expect(run('nbdinfo', `nbd://localhost:${port}/disk`)).rejects.toThrow(/TLS|opt_go/i);
  });

  it('QEMU copies, with certificates', async () => {
    await serve({ ...certificates(), verifyPeer: true });
    const object = `tls-creds-x509,id=tls0,endpoint=client,dir=${workspace.peerPath('pki')}`;
    const target = `driver=nbd,host=localhost,port=${port},export=disk,tls-creds=tls0`;
    const files = ['-f', 'raw', workspace.peerPath('disk'), target];
    await run('qemu-img', 'convert', '--object', object, '-n', '--target-image-opts', ...files);
    await using client = await connect(`nbds://localhost:${port}/disk`, {
      tls: { certificates: { folder: workspace.hostPath('pki') } },
      delivery: 'inline',
    });
    const bytes = await client.readBytes(0, size);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(await sha256OfFile(workspace.hostPath('disk')));
  });

  it('QEMU looks, with a shared key', async () => {
    await serve({ psk: { file: workspace.hostPath('keys.psk') } });
    const object = `tls-creds-psk,id=tls0,endpoint=client,dir=${workspace.peerPath('.')},username=alice`;
    const image = `driver=nbd,host=localhost,port=${port},export=disk,tls-creds=tls0`;
    const told = await run('qemu-img', 'info', '--output=json', '--object', object, '--image-opts', image);
    expect(JSON.parse(told)).toMatchObject({ 'virtual-size': size });
  });
});

describe('our own client', () => {
  inWorkspace(() => new Workspace('bookworm'));

  it.each(['kept', 'inline'] as const)('goes on across restarts without a wrong byte: %s', async (delivery) => {
    const device = createMemoryDevice({ size });
    const start = async (): Promise<void> => {
      server = createServer({ exports: { disk: device }, tls: serverTls({ ...certificates(), verifyPeer: false }) });
      listener = await listen({ type: 'tcp', host: '127.0.0.1', port }, (channel) => void server.accept(channel));
      if (listener.address.type === 'tcp') port = listener.address.port;
    };
    await start();
    await using client = await connect(`nbds://127.0.0.1:${port}/disk`, {
      tls: { certificates: { ca: authority.pem } },
      reconnectDelayMs: 30_000,
      delivery,
    });
    const random = seededRandom(3);
    const model = new Uint8Array(size);
    for (let round = 0; round < 3; round++) {
      const writes = Array.from({ length: 64 }, async (_, number) => {
        const area = size / 64;
        const piece = Uint8Array.from({ length: 1 + Math.floor(random() * area) }, () => Math.floor(random() * 256));
        model.set(piece, number * area);
        await client.write(number * area, piece);
      });
      if (round < 2) {
        await Promise.race(writes);
        await listener.close();
        await server.destroy(new Error('the server crashes'));
        await start();
      }
      await Promise.all(writes);
      expect(Buffer.compare(await client.readBytes(0, size), model)).toBe(0);
    }
    expect(client.facts.tls).toBe(true);
  });
});
