/** Damaged and hostile images: one line that names the file, soon, and in little memory. */
import { writeFileSync } from 'node:fs';
import { buildQcow2Image, type Qcow2Image } from '@nbdjs/testkit';
import { beforeAll, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';

inWorkspace('bookworm');

// The first run of a command loads its modules.
beforeAll(async () => {
  for (const command of ['serve', 'copy', 'dump', 'info']) await nbd(command, '/none/a.qcow2', 'null:');
}, 60_000);

type Change = (image: Qcow2Image) => void;

function damaged(change: Change, options: Parameters<typeof buildQcow2Image>[0] = {}): string {
  const image = buildQcow2Image(options);
  change(image);
  const path = workspace.hostPath('damaged.qcow2');
  writeFileSync(path, image.bytes);
  return path;
}

it.each<[string, Change, RegExp]>([
  [
    'a disk without end',
    ({ view }) => view.setBigUint64(24, 2n ** 64n - 1n),
    /the disk has 18446744073709551615 bytes/,
  ],
  ['a huge L1 table (CVE-2014-0143)', ({ view }) => view.setUint32(36, 0xffff_ffff), /4294967295 entries/],
  ['an L1 table behind the end', ({ view }) => view.setBigUint64(40, 2n ** 40n), /the L1 table ends at byte/],
  ['clusters of one byte (CVE-2014-0142)', ({ view }) => view.setUint32(20, 0), /clusters have 2\^0 bytes/],
  ['clusters without end (CVE-2014-0144)', ({ view }) => view.setUint32(20, 63), /clusters have 2\^63 bytes/],
  ['a long header (CVE-2014-0144)', ({ view }) => view.setUint32(100, 2 ** 31), /it has 2147483648 bytes/],
  ['a huge refcount table (CVE-2014-0147)', ({ view }) => view.setUint32(56, 0x7fff_ffff), /the refcount table has/],
  ['very many snapshots (CVE-2014-0146)', ({ view }) => view.setUint32(60, 0xffff_ffff), /4294967295 snapshots/],
  [
    'a snapshot with a huge L1 table (CVE-2014-0145)',
    ({ view, places }) => view.setUint32(places.snapshots + 8, 0x1000_0000),
    /its L1 table has 268435456 entries/,
  ],
  ['very many bitmaps', ({ view, places }) => view.setUint32(places.bitmapsExtension + 8, 70_000), /70000 bitmaps/],
  ['an unknown feature', ({ view }) => view.setBigUint64(72, 0x8000n), /not known here: 'bit 15'/],
  ['LUKS', ({ view }) => view.setUint32(32, 2), /encrypted with LUKS/],
])('%s is refused by every command', async (_, change, message) => {
  const path = damaged(change);
  for (const words of [
    ['serve', path],
    ['copy', path, 'null:'],
    ['dump', path],
    ['info', path],
    ['serve', '--threads', '2', '--read-only', path],
  ]) {
    const startMs = performance.now();
    const { code, stdout, stderr } = await nbd(...words);
    expect(stderr).toMatch(message);
    expect(stderr.startsWith(`nbd: ${path}: `)).toBe(true);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
    // What is known of an image that cannot be opened is shown by `info`.
    if (words[0] !== 'info') expect(stdout).toBe('');
    expect(performance.now() - startMs).toBeLessThan(3000);
  }
});

it.each([
  ['json:{"driver":"file","filename":"/etc/shadow"} (CVE-2024-4467)', 'dataFile'],
  ['/etc/shadow (CVE-2015-5163)', 'backing'],
])('does not open %s', async (name, kind) => {
  const path = damaged(() => {}, { [kind]: name });
  const { code, stderr } = await nbd('copy', path, 'null:');
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('it refers to') });
  expect(stderr).toMatch(/not the name of a file|not below|no such file/);
});

it('that is met by a request is an error of the request, and the export goes on', async () => {
  const path = damaged(({ view, places }) => view.setUint32(places.l2, 0x8000_1000));
  const { code, stderr } = await nbd('copy', path, 'null:');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^nbd: [^\n]*the image is damaged: [^\n]+\n$/);
  await serve(path);
  const uri = `nbd+unix:///?socket=${workspace.socketPath('s0')}`;
  expect((await nbd('dump', '-n', '16', uri)).stderr).toContain('EIO');
  expect((await nbd('info', '--size', uri)).code).toBe(0);
});

it('of other formats is refused, too', async () => {
  for (const [name, start] of [
    ['a.vmdk', 'KDMV'],
    ['a.vhd', 'conectix'],
    ['a.vhdx', 'vhdxfile'],
    ['a.tar', `${'x'.repeat(257)}ustar`],
    ['a.gz', '\x1f\x8b\x08'],
    ['a.xz', '\xfd7zXZ\0'],
    ['a.zst', '\x28\xb5\x2f\xfd'],
  ] as const) {
    const path = workspace.hostPath(name);
    writeFileSync(path, Buffer.concat([Buffer.from(start, 'latin1'), Buffer.alloc(2000, 0xff)]));
    const { code, stderr } = await nbd('info', path);
    expect({ name, code }).toEqual({ name, code: 1 });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(new RegExp(`^nbd: ${path}: `));
    expect(lines.filter((line) => !line.includes('temporary file'))).toHaveLength(1);
  }
});
