import { readFileSync, statSync, writeFileSync } from 'node:fs';
import {
  allocatedBytes,
  describePeers,
  makeRawImage,
  type PeerServer,
  runPeer,
  sha256OfFile,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
} from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd, spawnNbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const kibi = 1024;
const mebi = 1024 * kibi;
const gibi = 1024 * mebi;

/** Copies an export into a file, which must not fail, and gives the file's name. */
async function copyOut(server: PeerServer, exportName = '', ...options: string[]): Promise<string> {
  const target = workspace.hostPath('copy.img');
  const { code, stderr } = await nbd('copy', ...options, server.uri(exportName), target);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return target;
}

describePeers('nbd copy out of qemu-nbd', ['qemu-nbd', 'qemu-img'], (generation) => {
  inWorkspace(generation);

  it.each([
    ['nothing', 0, []],
    ['one byte', 1, [{ offset: 0, length: 1 }]],
    ['511 bytes', 511, [{ offset: 0, length: 511 }]],
    ['an odd size', 3 * mebi + 77, [{ offset: 12_345, length: 700_001 }]],
    [
      'data and holes',
      64 * mebi,
      [
        { offset: 0, length: mebi },
        { offset: 30 * mebi, length: 5 * mebi + 4096 },
      ],
    ],
  ])('raw: %s', async (_, size, areas) => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, size, areas);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', readOnly: true });
    const target = await copyOut(server);
    // QEMU rounds the size of what it serves.
    const padded = readFileSync(target);
    expect(padded.length).toBeGreaterThanOrEqual(size);
    expect(padded.subarray(0, size).equals(readFileSync(image))).toBe(true);
    expect(padded.subarray(size).every((byte) => byte === 0)).toBe(true);
    expect(allocatedBytes(target)).toBeLessThanOrEqual(allocatedBytes(image) + 128 * kibi);
  });

  it('8 GiB with little in it, quickly', async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 8 * gibi, [
      { offset: 4096, length: mebi },
      { offset: 5 * gibi + 4096, length: 2 * mebi },
      { offset: 8 * gibi - 4096, length: 4096 },
    ]);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    const startMs = performance.now();
    const target = await copyOut(server);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(statSync(target).size).toBe(8 * gibi);
    expect(allocatedBytes(target)).toBeLessThan(8 * mebi);
    const { code } = await runPeer('qemu-img', generation, [
      'compare',
      '-f',
      'raw',
      '-F',
      'raw',
      workspace.peerPath('disk.img'),
      workspace.peerPath('copy.img'),
    ]);
    expect(code).toBe(0);
  });

  it('qcow2, with a backing file', async () => {
    const raw = workspace.hostPath('base.img');
    makeRawImage(raw, 32 * mebi, [{ offset: mebi, length: 3 * mebi }]);
    const make = async (...args: string[]): Promise<void> => {
      expect(await runPeer('qemu-img', generation, args)).toMatchObject({ code: 0 });
    };
    const [base, top] = [workspace.peerPath('base.qcow2'), workspace.peerPath('top.qcow2')];
    await make('convert', '-f', 'raw', '-O', 'qcow2', workspace.peerPath('base.img'), base);
    await make('create', '-f', 'qcow2', '-b', base, '-F', 'qcow2', top);
    await using server = await startQemuNbd(workspace, { image: 'top.qcow2', format: 'qcow2' });
    expect(await sha256OfFile(await copyOut(server))).toBe(await sha256OfFile(raw));
  });

  it('from a file to an export and back, from standard input, to standard output', async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 8 * mebi + 512, [{ offset: mebi + 100, length: 4 * mebi }]);
    writeFileSync(workspace.hostPath('target.img'), new Uint8Array(8 * mebi + 512).fill(7));
    await using server = await startQemuNbd(workspace, { image: 'target.img', format: 'raw' });
    expect(await nbd('copy', '--flush', image, server.uri())).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(await copyOut(server))).toBe(await sha256OfFile(image));

    const content = readFileSync(image);
    writeFileSync(workspace.hostPath('target.img'), new Uint8Array(8 * mebi + 512).fill(9));
    expect(await spawnNbd(['copy', '-', server.uri()], { stdin: content })).toMatchObject({ code: 0, stderr: '' });
    const out = await spawnNbd(['copy', server.uri(), '-']);
    expect(out).toMatchObject({ code: 0, stderr: '' });
    expect(out.stdout.equals(content)).toBe(true);
  });

  it('from one export to another', async () => {
    makeRawImage(workspace.hostPath('one.img'), 16 * mebi, [{ offset: 77, length: 9 * mebi }]);
    makeRawImage(workspace.hostPath('two.img'), 17 * mebi, [{ offset: 0, length: 17 * mebi }], 2);
    await using one = await startQemuNbd(workspace, { image: 'one.img', format: 'raw', readOnly: true });
    await using two = await startQemuNbd(workspace, { image: 'two.img', format: 'raw' });
    const before = readFileSync(workspace.hostPath('two.img')).subarray(16 * mebi);
    expect(await nbd('copy', '-C', '2', '-R', '8', '--flush', one.uri(), two.uri())).toMatchObject({ code: 0 });
    const copied = readFileSync(workspace.hostPath('two.img'));
    expect(copied.subarray(0, 16 * mebi).equals(readFileSync(workspace.hostPath('one.img')))).toBe(true);
    expect(copied.subarray(16 * mebi).equals(before)).toBe(true);
  });

  it('--allocated leaves no holes', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 4 * mebi, [{ offset: mebi, length: mebi }]);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    const target = await copyOut(server, '', '--allocated');
    expect(await sha256OfFile(target)).toBe(await sha256OfFile(workspace.hostPath('disk.img')));
    expect(allocatedBytes(target)).toBeGreaterThanOrEqual(4 * mebi);
  });
});

describePeers('nbd copy out of nbdkit', ['nbdkit', 'nbdcopy'], (generation) => {
  inWorkspace(generation);

  const cases: [string, string[]][] = [
    ['memory', ['memory', '3M']],
    ['memory, one byte', ['memory', '1']],
    ['memory, nothing', ['memory', '0']],
    ['pattern', ['pattern', '5000001']],
    ['sparse-random', ['sparse-random', '100M', 'seed=7', 'percent=20']],
    ['data', ['data', '( 0x55 0xAA ) * 300 @0x100000 "text" @1000000 1 @100000000 2', 'size=100000999']],
    ['one connection at a time', ['--threads=1', 'random', '1000003', 'seed=3']],
    ['without structured replies', ['--no-sr', 'random', '1000003', 'seed=3']],
    ['oldstyle', ['-o', 'random', '1000003', 'seed=5']],
    ['newstyle that is not fixed', ['--mask-handshake=0', 'random', '1000003', 'seed=6']],
    ['with the reserved zeroes', ['--mask-handshake=1', 'random', '1000003', 'seed=7']],
    ['blocks of 4 KiB, at most 64 KiB at a time', blockSizes('random', '1048576', 'seed=8')],
    ['the same with holes', blockSizes('sparse-random', '64M', 'seed=9', 'percent=30')],
  ];
  // The older generation cannot do that.
  if (generation === 'trixie') cases.push(['without metadata contexts', ['--no-mc', 'sparse-random', '10M', 'seed=4']]);

  it.each(cases)('%s', async (_, args) => {
    await using server = await startNbdkit(workspace, args);
    const target = await copyOut(server);
    // The C tool does not split its requests to what the server takes.
    const reference = await runPeer('nbdcopy', generation, [
      '--request-size=65536',
      server.peerUri(),
      workspace.peerPath('reference.img'),
    ]);
    expect(reference).toMatchObject({ code: 0 });
    expect(await sha256OfFile(target)).toBe(await sha256OfFile(workspace.hostPath('reference.img')));
    expect(allocatedBytes(target)).toBeLessThanOrEqual(allocatedBytes(workspace.hostPath('reference.img')) + 64 * kibi);
  });

  it('file', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 20 * mebi + 1, [{ offset: mebi + 1, length: 10 * mebi }]);
    await using server = await startNbdkit(workspace, ['file', workspace.peerPath('disk.img')]);
    expect(await sha256OfFile(await copyOut(server))).toBe(await sha256OfFile(workspace.hostPath('disk.img')));
  });

  it('into an export whose blocks have 4 KiB, from a source of an odd size', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 500_001, [{ offset: 5000, length: 300_000 }]);
    const size = 512 * kibi;
    makeRawImage(workspace.hostPath('target.img'), size, [{ offset: 0, length: size }], 2);
    const before = readFileSync(workspace.hostPath('target.img'));
    await using server = await startNbdkit(workspace, blockSizes('file', workspace.peerPath('target.img')));
    expect(await nbd('copy', '--flush', workspace.hostPath('disk.img'), server.uri())).toMatchObject({
      code: 0,
      stderr: '',
    });
    const after = readFileSync(workspace.hostPath('target.img'));
    expect(after.subarray(0, 500_001).equals(readFileSync(workspace.hostPath('disk.img')))).toBe(true);
    expect(after.subarray(500_001).equals(before.subarray(500_001))).toBe(true);
  });

  it('a command in brackets', async () => {
    const target = workspace.hostPath('copy.img');
    const { code, stderr } = await nbd('copy', '[', 'nbdkit', '--exit-with-parent', 'pattern', '1M', ']', target);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(readFileSync(target).readBigUInt64BE(4096)).toBe(4096n);
  });

  it('an error of the server ends the copy, and says where', async () => {
    await using server = await startNbdkit(workspace, [
      '--filter=error',
      'memory',
      '4M',
      'error-pread=EIO',
      'error-pread-rate=100%',
    ]);
    const { code, stderr } = await nbd('copy', '--no-extents', server.uri(), 'null:');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nbd: reading the source at \d+: READ of 524288 bytes at \d+ failed: EIO.*\n$/);
  });
});

function blockSizes(...plugin: string[]): string[] {
  return [
    '--filter=blocksize-policy',
    ...plugin,
    'blocksize-minimum=4096',
    'blocksize-preferred=4096',
    'blocksize-maximum=65536',
    'blocksize-error-policy=error',
  ];
}

describePeers('nbd copy out of nbd-server', ['nbd-server'], (generation) => {
  inWorkspace(generation);

  it('gives the same bytes, both ways', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 5 * mebi, [{ offset: 4096, length: 3 * mebi }]);
    makeRawImage(workspace.hostPath('target.img'), 5 * mebi, [{ offset: 0, length: 5 * mebi }], 2);
    // One each, because the older generation serves one client at a time while it can be watched.
    await using source = await startNbdServer(workspace, [
      { name: 'disk', image: 'disk.img', lines: ['readonly = true'] },
    ]);
    await using target = await startNbdServer(workspace, [
      { name: 'target', image: 'target.img', lines: ['flush = true', 'fua = true', 'trim = true'] },
    ]);
    expect(await sha256OfFile(await copyOut(source, 'disk'))).toBe(await sha256OfFile(workspace.hostPath('disk.img')));
    const copying = await nbd('copy', '--flush', source.uri('disk'), target.uri('target'));
    expect(copying).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(workspace.hostPath('target.img'))).toBe(
      await sha256OfFile(workspace.hostPath('disk.img')),
    );
  });
});

describe('nbd copy', () => {
  inWorkspace('bookworm');

  it('copies between files', async () => {
    const [source, target] = [workspace.hostPath('a'), workspace.hostPath('b')];
    makeRawImage(source, 10 * mebi + 3, [{ offset: mebi, length: 2 * mebi }]);
    writeFileSync(target, new Uint8Array(12 * mebi).fill(1));
    expect(await nbd('copy', source, target)).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(target)).toBe(await sha256OfFile(source));
  });

  it.each([
    [['copy', 'null:', 'x'], /'null:' can only be the destination/],
    [['copy', '/no/such/file', 'null:'], /no such file/],
    [['copy', '--request-size=5000', 'a', 'b'], /--request-size: 5000 is not a power of two/],
    [['copy', '-R', '0', 'a', 'b'], /--requests: '0' is not a number between 1 and/],
    [['copy', '[', 'nbdkit', 'null:'], /no closing/],
    [['copy', 'nbd:unix:/x', 'null:'], /not a valid NBD URI/],
    [['copy', 'a'], /missing required argument/],
    [['copy', 'a', 'b', 'c'], /too many arguments/],
    [['frobnicate'], /unknown command|too many arguments/],
  ])('%j is refused in one clear message', async (argv, message) => {
    const { code, stderr } = await nbd(...argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('tells its progress to programs', async () => {
    const source = workspace.hostPath('a');
    makeRawImage(source, 2 * mebi, [{ offset: 0, length: 2 * mebi }]);
    const percent = await spawnNbd(['copy', '--progress=2', source, 'null:']);
    expect(percent.stderr).toMatch(/^0\/100\n(\d+\/100\n)*100\/100\n$/);
    const json = await spawnNbd(['copy', '--progress=json', source, 'null:']);
    const lines = json.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({ state: 'done', doneBytes: 2 * mebi, totalBytes: 2 * mebi });
  });
});
