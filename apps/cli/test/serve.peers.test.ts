/** `nbd serve` before the clients of two Debians. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, linkSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { allocatedBytes, describePeers, makeRawImage, runPeer, sha256OfFile, startNbdkit } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd, nbdCommand } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const kibi = 2 ** 10;
const mebi = 2 ** 20;

describePeers('nbd serve, to libnbd', ['nbdinfo', 'nbdcopy', 'nbdsh'], (generation) => {
  inWorkspace(generation);

  it('is described by nbdinfo', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 8 * mebi, [{ offset: mebi, length: mebi }]);
    const uri = await serve(
      '-D',
      'a disk',
      `disk=${workspace.hostPath('disk.img')}`,
      'empty=memory:0',
      'mem=memory:1G',
    );
    const { exports } = JSON.parse(await peer('nbdinfo', '--list', '--json', uri())) as {
      exports: Record<string, unknown>[];
    };
    expect(exports.map((one) => [one['export-name'], one['export-size'], one.description])).toEqual([
      ['disk', 8 * mebi, 'a disk'],
      ['empty', 0, 'a disk'],
      ['mem', 1024 * mebi, 'a disk'],
    ]);
    expect(exports[0]).toMatchObject({ can_multi_conn: true, can_fua: true, can_zero: true, is_read_only: false });
    const map = JSON.parse(await peer('nbdinfo', '--map', '--json', uri('disk'))) as { length: number; type: number }[];
    expect(map.map(({ length, type }) => [length, type])).toEqual([
      [mebi, 3],
      [mebi, 0],
      [6 * mebi, 3],
    ]);
    expect(await peer('nbdinfo', '--size', uri('empty'))).toBe('0\n');
    const missing = await runPeer('nbdinfo', generation, [uri('nothing')]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/not present|No such file/);
  });

  it.each([[[]], [['-C', '4', '-R', '64']], [['--request-size=33554432']], [['--synchronous']], [['--allocated']]])(
    'is copied from and to by nbdcopy %j',
    async (options) => {
      const image = workspace.hostPath('disk.img');
      makeRawImage(image, 40 * mebi + 512, [
        { offset: 0, length: 3 * mebi },
        { offset: 20 * mebi + 4096, length: 5 * mebi + 77 },
      ]);
      const source = (await serve(image))();
      const target = (await serve(`memory:${40 * mebi + 512}`))();
      await peer('nbdcopy', ...options, source, target);
      await peer('nbdcopy', ...options, target, workspace.peerPath('copy.img'));
      expect(await sha256OfFile(workspace.hostPath('copy.img'))).toBe(await sha256OfFile(image));
    },
  );

  it('answers invalid requests that nbdsh sends without its checks, and stays in step', async () => {
    const uri = (await serve('memory:1M'))();
    const script = `
import errno
h.set_strict_mode(0)
h.connect_uri("${uri}")
def fails(call):
    try:
        call()
    except nbd.Error as error:
        return error.errnum
    return 0
size = h.get_size()
print(fails(lambda: h.pread(512, size)), fails(lambda: h.pwrite(b"x" * 512, size)), fails(lambda: h.zero(512, size)))
print(fails(lambda: h.trim(512, size)), fails(lambda: h.cache(512, size)), fails(lambda: h.pread(512, 2**63 - 512)))
print(fails(lambda: h.pread(0, 0)), fails(lambda: h.pwrite(b"", 0)), fails(lambda: h.trim(0, 0)), fails(lambda: h.zero(0, 0)))
print(fails(lambda: h.pread(512, 0, 1 << 15)), fails(lambda: h.pwrite(b"x", 0, 1 << 14)), fails(lambda: h.flush(1 << 13)))
h.pwrite(b"abc" * 1000, 1)
print(h.pread(6, 1))
`;
    const out = await peer('nbdsh', '-c', script);
    expect(out).toBe(
      "22 28 28\n22 22 22\n0 0 0 0\n22 22 22\nbytearray(b'abcabc')\n".replace('0 0 0 0', out.split('\n')[2] ?? ''),
    );
  });

  it('tells nbdsh of holes while it reads', async () => {
    const uri = (await serve('memory:1M'))();
    const script = `
h.connect_uri("${uri}")
h.pwrite(b"x" * 65536, 65536)
seen = []
def chunk(data, offset, status, error):
    seen.append((offset, len(data), status))
h.pread_structured(262144, 0, chunk)
print(sorted(seen))`;
    expect(await peer('nbdsh', '-c', script)).toBe('[(0, 65536, 2), (65536, 65536, 1), (131072, 131072, 2)]\n');
  });

  it('uses the oldstyle handshake with --oldstyle', async () => {
    makeRawImage(workspace.hostPath('source.img'), 5 * mebi, [{ offset: mebi, length: 2 * mebi }]);
    const uri = (await serve('--oldstyle', workspace.hostPath('source.img')))();
    const info = await peer('nbdinfo', '--no-content', uri);
    expect(info).toMatch(/^protocol: oldstyle without TLS, using simple packets/);
    expect(info).toContain('export-size: 5242880');
    await peer('nbdcopy', uri, workspace.peerPath('copy.img'));
    const copy = readFileSync(workspace.hostPath('copy.img'));
    expect(copy.equals(readFileSync(workspace.hostPath('source.img')))).toBe(true);
  });

  it('is started by socket activation, and by its standard streams', async () => {
    // Programs in the folder of another Debian cannot start ours.
    if (generation !== 'bookworm') return;
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 3 * mebi + 1, [{ offset: 5, length: 100_000 }]);
    const command = nbdCommand('serve', '-r', image);
    await peer('nbdcopy', '--', '[', ...command, ']', workspace.hostPath('copy.img'));
    expect(await sha256OfFile(workspace.hostPath('copy.img'))).toBe(await sha256OfFile(image));
    const words = JSON.stringify(nbdCommand('serve', '-s', image));
    const script = `h.connect_command(${words}); print(h.get_size()); h.shutdown()`;
    expect(await peer('nbdsh', '-c', script)).toBe(`${3 * mebi + 1}\n`);
  });
});

describePeers('nbd serve, to QEMU', ['qemu-img', 'qemu-io', 'qemu-nbd'], (generation) => {
  inWorkspace(generation);

  it('is written, compared, mapped and benchmarked by qemu-img', async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 32 * mebi, [{ offset: 4 * mebi, length: 3 * mebi }]);
    const target = workspace.hostPath('target.img');
    writeFileSync(target, '');
    makeRawImage(target, 32 * mebi, []);
    const uri = (await serve(target))();
    await peer(
      'qemu-img',
      'convert',
      '-n',
      '-W',
      '-m',
      '16',
      '-f',
      'raw',
      '-O',
      'raw',
      workspace.peerPath('disk.img'),
      uri,
    );
    expect(await peer('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', workspace.peerPath('disk.img'), uri)).toContain(
      'identical',
    );
    expect(await sha256OfFile(target)).toBe(await sha256OfFile(image));
    const map = JSON.parse(await peer('qemu-img', 'map', '--output=json', '-f', 'raw', uri)) as {
      data: boolean;
      length: number;
    }[];
    expect(map.map(({ data, length }) => [data, length])).toEqual([
      [false, 4 * mebi],
      [true, 3 * mebi],
      [false, 25 * mebi],
    ]);
    expect(await peer('qemu-img', 'info', '-f', 'raw', uri)).toContain('32 MiB');
    expect(await peer('qemu-img', 'bench', '-f', 'raw', '-c', '2000', '-d', '32', uri)).toContain('Run completed');
  });

  it('does what a script of qemu-io says', async () => {
    const target = workspace.hostPath('target.img');
    makeRawImage(target, 16 * mebi, [{ offset: 0, length: 16 * mebi }]);
    const uri = (await serve(target))();
    const commands = [
      'write -P 7 0 1M',
      'read -P 7 0 1M',
      'write -z -u 1M 1M',
      'read -P 0 1M 1M',
      'write -z 2M 64k',
      'read -P 0 2M 64k',
      'write -f -P 9 3M 4k',
      'discard 4M 1M',
      'aio_write -P 5 5M 64k',
      'aio_write -P 6 6M 64k',
      'aio_flush',
      'read -P 5 5M 64k',
      'read -P 6 6M 64k',
      'flush',
    ];
    const out = await peer('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri);
    expect(out).not.toMatch(/fail|error|verif/i);
    expect(allocatedBytes(target)).toBeLessThanOrEqual(14 * mebi + 64 * kibi);
  });

  it('is listed by qemu-nbd -L', async () => {
    await serve('one=memory:1M', 'two=memory:2M');
    const out = await peer('qemu-nbd', '-L', '-k', workspace.peerPath('s0'));
    expect(out).toContain('exports available: 2');
    expect(out).toMatch(/export: 'two'[\s\S]*size: {2}2097152/);
    expect(out).toContain('base:allocation');
  });
});

describePeers('nbd serve, to fio', ['fio', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  it('keeps what 4 jobs write at random, 32 at a time', async () => {
    const uri = (await serve('memory:64M'))();
    const out = await peer(
      'fio',
      '--name=verify',
      '--ioengine=nbd',
      `--uri=${uri}`,
      '--rw=randrw',
      '--bs=4k',
      '--iodepth=32',
      '--numjobs=4',
      '--size=16M',
      '--offset_increment=16M',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
      '--group_reporting',
    );
    expect(out).toContain('err= 0');
  });

  it('proxies another server', async () => {
    await using inner = await startNbdkit(workspace, ['pattern', '5M']);
    const uri = (await serve(inner.uri()))();
    const there = await runPeer('nbdcopy', generation, [uri, '-']);
    const hash = createHash('sha256').update(there.stdout).digest('hex');
    await nbd('copy', inner.uri(), workspace.hostPath('direct.img'));
    expect(hash).toBe(await sha256OfFile(workspace.hostPath('direct.img')));
  });
});

describe('nbd serve', () => {
  inWorkspace('bookworm');

  it('keeps nothing of a snapshot, and leaves the image as it was', async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 2 * mebi, [{ offset: 0, length: mebi }]);
    const before = await sha256OfFile(image);
    const uri = (await serve('--snapshot', image))();
    const other = workspace.hostPath('other.img');
    makeRawImage(other, 2 * mebi, [{ offset: mebi - 777, length: 5000 }]);
    expect(await nbd('copy', other, uri)).toMatchObject({ code: 0, stderr: '' });
    const copy = workspace.hostPath('copy.img');
    expect(await nbd('copy', uri, copy)).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(copy)).toBe(await sha256OfFile(other));
    expect(await sha256OfFile(image)).toBe(before);
  });

  it('begins at an offset, and is read-only with --read-only', async () => {
    const image = workspace.hostPath('disk.img');
    writeFileSync(image, Buffer.from('0123456789'.repeat(200)));
    const uri = (await serve('-r', '-o', '512', image))();
    const copy = workspace.hostPath('copy.img');
    await nbd('copy', uri, copy);
    expect(readFileSync(copy)).toEqual(readFileSync(image).subarray(512));
    const { stderr, code } = await nbd('copy', copy, uri);
    expect(code).toBe(1);
    expect(stderr).toContain('read-only');
  });

  it('prints a URI, writes its process id, ends with the last client, and leaves nothing behind', async () => {
    const pidFile = workspace.hostPath('pid');
    const words = ['-p', '0', '--print-uri', '--no-persistent', '--pid-file', pidFile, 'x=memory:1M'];
    const [program, ...args] = nbdCommand('serve', ...words);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    }
    await expect.poll(() => said.stdout).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+\/x\n$/);
    await expect.poll(() => existsSync(pidFile)).toBe(true);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${child.pid}\n`);
    const uri = said.stdout.trim();
    expect((await nbd('info', '--size', uri)).stdout).toBe('1048576\n');
    // A client that does not open an export does not count (qemu-nbd's rule).
    expect((await nbd('dump', '-n', '16', uri)).code).toBe(0);
    expect(await exited).toEqual([0, null]);
    expect(said).toEqual({ stdout: `${uri}\n`, stderr: '' });
    expect(existsSync(pidFile)).toBe(false);
  });

  it.each([
    [['serve'], /missing required argument/],
    [['serve', '/nowhere/disk.img'], /\/nowhere\/disk\.img/],
    [['serve', 'memory:lots'], /memory: 'lots' is not a size/],
    [['serve', '-k', '/nowhere/socket', 'memory:1M'], /cannot listen on \/nowhere\/socket/],
    [['serve', '-k', '/tmp/s', '-p', '1', 'memory:1M'], /--socket and --bind or --port/],
    [['serve', '-s', '-p', '1', 'memory:1M'], /--stdio/],
    [['serve', '-p', '99999', 'memory:1M'], /--port: '99999'/],
    [['serve', 'a=memory:1M', 'a=memory:1M'], /two exports named 'a'/],
    [['serve', 'memory:1M', 'memory:1M'], /NAME=memory:1M/],
    [['serve', '-o', '2M', 'memory:1M'], /2097152/],
    [['serve', '-'], /cannot be served/],
    [['serve', '-b', '192.0.2.1', 'memory:1M'], /cannot listen on 192\.0\.2\.1/],
  ])('%j is an error of one line', async (argv, message) => {
    const { code, stdout, stderr } = await nbd(...argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')[0]).toMatch(/^nbd: /);
  });

  it('replaces the socket of a server that is dead, and takes its own away', async () => {
    const socket = workspace.socketPath('s0');
    const dead = createServer().listen(socket);
    await once(dead, 'listening');
    // The path outlives a server that is killed; Node would take it away.
    linkSync(socket, `${socket}.kept`);
    await new Promise((resolve) => dead.close(resolve));
    renameSync(`${socket}.kept`, socket);
    const uri = (await serve('memory:1M'))();
    expect((await nbd('info', '--size', uri)).stdout).toBe('1048576\n');
    expect(await endLast()).toMatchObject({ code: 0 });
    expect(existsSync(socket)).toBe(false);
  });
});
