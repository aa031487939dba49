/** `nbd objects`, and disks in a folder of objects as sources and destinations of `nbd copy`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { seededRandom, startS3Server } from '@nbdjs/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

inWorkspace('bookworm');

const store = (): string => `folder:${workspace.hostPath('store')}`;
const disk = (name: string): string => `${store()}#${name}`;

async function succeed(...words: string[]): Promise<string> {
  const outcome = await nbd(...words);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return outcome.stdout;
}

async function fail(...words: string[]): Promise<string> {
  const { code, stderr, stdout } = await nbd(...words);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
}

function makeFile(name: string, size: number): string {
  const random = seededRandom(size);
  const bytes = Uint8Array.from({ length: size }, (_, index) => (index % 300_000 < 150_000 ? 0 : random() * 256));
  writeFileSync(workspace.hostPath(name), bytes);
  return workspace.hostPath(name);
}

/** The files of data objects. */
function objectFiles(): readonly string[] {
  const folder = join(workspace.hostPath('store'), 'data/objects');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('@'))
    .map((name) => join(folder, name));
}

describe('nbd objects', () => {
  it('makes, lists and describes disks', async () => {
    await succeed('objects', 'create', disk('vm/root'), '10G');
    await succeed('objects', 'create', disk('small'), '1000', '--object-size', '64k');
    expect(await succeed('objects', 'list', store())).toBe(
      'disk     size  snapshots  writer\nsmall    1000  0          -\nvm/root  10G   0          -\n',
    );
    const { disks } = JSON.parse(await succeed('objects', 'list', '--json', store()));
    expect(disks).toMatchObject([
      { name: 'small', size: 1000, 'object-size': 65_536, writer: null, snapshots: [] },
      { name: 'vm/root', size: 10 * 2 ** 30, 'object-size': 4 * 2 ** 20 },
    ]);
    expect(await succeed('info', '--size', disk('vm/root'))).toBe('10737418240\n');
    expect(await succeed('info', '--map', '--totals', disk('vm/root'))).toMatch(/10737418240 +100\.0% +3 hole,zero/);
    expect(await succeed('info', disk('vm/root'))).toBe(await succeed('objects', 'info', disk('vm/root')));
    expect(await succeed('dump', disk('small'))).toMatch(/^0000000000/);
    expect(await succeed('objects', 'info', disk('vm/root'))).toMatch(
      /^disk: vm\/root\nsize: 10737418240 \(10G\)\nobject size: 4194304 \(4M\)\nstored: 0 objects, 0 B\n/,
    );
  });

  it('says in one line what is wrong', async () => {
    await succeed('objects', 'create', disk('a'), '1M');
    expect(await fail('objects', 'create', disk('a'), '1M')).toMatch(
      /^nbd: there is a disk 'a' in folder '.*' already\n$/,
    );
    expect(await fail('objects', 'create', disk('../a'), '1M')).toMatch(
      /^nbd: the name of a disk is '\.\.\/a', expected/,
    );
    expect(await fail('objects', 'create', disk('b'), '1E')).toMatch(/needs more than|2\^52 at most/);
    expect(await fail('objects', 'info', disk('b'))).toMatch(/^nbd: disk 'b' in folder '.*': there is no such disk\n$/);
    expect(await fail('objects', 'list', `${store()}-not`)).toMatch(
      /^nbd: folder '.*': there is no store of objects\n$/,
    );
    expect(await fail('objects', 'list', '/tmp')).toMatch(
      /^nbd: '\/tmp' is not a store of objects, expected folder:PATH or/,
    );
    expect(await fail('objects', 'info', store())).toMatch(/is not a disk in a store, expected folder:PATH#DISK/);
    expect(await fail('objects', 'snapshot', disk('a'))).toMatch(/names no snapshot/);
    expect(await fail('objects', 'delete', disk('a'))).toMatch(/There is no terminal to ask at: say so by --yes/);
    expect(await fail('objects', 'gc', store())).toMatch(/--yes/);
    expect(await fail('objects')).toMatch(/^Usage: nbd objects /);
    expect(await fail('objects', 'delte')).toMatch(/unknown command 'delte'/);
    expect(await fail('serve', '--take-over', 'now', 'memory:1M')).toMatch(
      /--take-over is for disks in stores of objects/,
    );
    expect(await fail('serve', '--flush', 'journal', disk('a'))).toMatch(/--flush needs --journal/);
    expect(await fail('serve', '--threads', '2', disk('a'))).toMatch(/a disk in a store has one writer, in one thread/);
    expect(await fail('serve', `${disk('a')}@no`)).toMatch(/has no snapshot 'no'/);
  });

  it('keeps snapshots, clones them, deletes, and removes what is not needed any more', async () => {
    const first = makeFile('first', 1_000_000);
    const second = makeFile('second', 999_999);
    await succeed('copy', '--object-size', '64k', first, disk('a'));
    await succeed('objects', 'snapshot', `${disk('a')}@one`);
    await succeed('copy', second, disk('a'));
    await succeed('objects', 'clone', `${disk('a')}@one`, 'b');
    await succeed('objects', 'clone', `${disk('a')}@one`, disk('c'));
    for (const source of [disk('b'), `${disk('a')}@one`]) {
      await succeed('copy', source, workspace.hostPath('back'));
      expect(readFileSync(workspace.hostPath('back')).equals(readFileSync(first))).toBe(true);
    }
    const before = objectFiles().length;
    await succeed('objects', 'delete', '--yes', `${disk('a')}@one`);
    await succeed('objects', 'delete', '-y', disk('b'));
    expect(JSON.parse(await succeed('objects', 'gc', '--json', '-y', store()))).toMatchObject({ disks: 2 });
    await succeed('objects', 'delete', '-y', disk('c'));
    expect(objectFiles()).toHaveLength(before);
    const counted = JSON.parse(await succeed('objects', 'gc', '--json', '--dry-run', store()));
    expect(counted).toMatchObject({ disks: 1, young: 0, 'dry-run': true });
    expect(counted.removed).toBeGreaterThan(0);
    expect(objectFiles()).toHaveLength(before);
    await succeed('objects', 'gc', '-y', store());
    expect(objectFiles()).toHaveLength(before - counted.removed);
    expect(await succeed('objects', 'fsck', '--data', store())).toMatch(/^1 disk, \d+ objects: nothing is wrong\n$/);
  });

  it('gives a disk another size, and keeps what is inside', async () => {
    const file = makeFile('file', 500_000);
    await succeed('copy', '--object-size', '64k', file, disk('a'));
    expect(await fail('objects', 'resize', disk('a'), '200000')).toMatch(
      /would lose what lies behind 200000: say --shrink/,
    );
    await succeed('objects', 'resize', '--shrink', disk('a'), '200000');
    await succeed('objects', 'resize', disk('a'), '600000');
    await succeed('copy', disk('a'), workspace.hostPath('back'));
    const back = readFileSync(workspace.hostPath('back'));
    const expected = Buffer.alloc(600_000);
    readFileSync(file).copy(expected, 0, 0, 200_000);
    expect(back.equals(expected)).toBe(true);
    expect(await succeed('objects', 'fsck', '--data', disk('a'))).toMatch(/nothing is wrong/);
  });

  it('finds objects that are damaged and objects that are gone', async () => {
    await succeed('copy', '--object-size', '64k', makeFile('file', 900_000), disk('a'));
    const [damaged = '', gone = ''] = objectFiles();
    const bytes = readFileSync(damaged);
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFileSync(damaged, bytes);
    expect(await succeed('objects', 'fsck', store())).toMatch(/nothing is wrong/);
    const { code, stdout } = await nbd('objects', 'fsck', '--data', '--json', store());
    expect(code).toBe(2);
    expect(JSON.parse(stdout).problems).toEqual([
      { where: expect.stringMatching(/^a, block \d+$/), what: expect.stringMatching(/damaged/), 'is-loss': true },
    ]);
    writeFileSync(gone, '');
    expect(await nbd('objects', 'fsck', store())).toEqual({
      code: 2,
      stderr: '',
      stdout: expect.stringMatching(/loss: a, block \d+: .* has 0 bytes/),
    });
  });
});

describe('a disk that a stream is copied to', () => {
  it.each([0, 1, 700_001])('is made, and grows to the %d bytes of the stream', async (size) => {
    const bytes = readFileSync(makeFile('file', size));
    const stdin = Readable.from([bytes.subarray(0, size >> 1), bytes.subarray(size >> 1)]);
    expect(await nbdWith({ stdin }, 'copy', '--object-size', '64k', '-', disk('new'))).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await succeed('info', '--size', disk('new'))).toBe(`${size}\n`);
    expect(await succeed('objects', 'fsck', '--data', store())).toMatch(/nothing is wrong/);
    await succeed('copy', disk('new'), workspace.hostPath('back'));
    expect(readFileSync(workspace.hostPath('back')).equals(bytes)).toBe(true);
  });

  it('keeps its size when it was there before', async () => {
    await succeed('objects', 'create', disk('old'), '1M');
    const copyTo = (size: number) =>
      nbdWith({ stdin: Readable.from([Buffer.alloc(size, 1)]) }, 'copy', '-', disk('old'));
    expect(await copyTo(1000)).toMatchObject({ code: 0, stderr: '' });
    expect(await succeed('info', '--size', disk('old'))).toBe('1048576\n');
    expect(await copyTo(2 ** 20 + 1)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the source is longer than the target, which has 1048576 bytes/),
    });
  });
});

describe('a disk in a bucket', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('of a store in trouble is read all the same, and each reason to wait is told once', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    let isInTrouble = false;
    const tried = new Set<string>();
    await using server = await startS3Server({
      // Each object is refused once.
      trouble: ({ method, key }) => {
        if (!isInTrouble || method !== 'GET' || tried.has(key)) return undefined;
        tried.add(key);
        return { error: { status: 503, code: 'SlowDown' } };
      },
    });
    const word = `s3://test-bucket/disk?endpoint=${server.endpoint}&region=somewhere`;
    const file = makeFile('file', 900_000);
    await succeed('copy', '--object-size', '64k', file, word);
    isInTrouble = true;
    const { code, stderr } = await nbd('copy', word, workspace.hostPath('back'));
    expect(code).toBe(0);
    expect(tried.size).toBeGreaterThan(5);
    expect(stderr).toMatch(/^nbd: get of '.*' in .*SlowDown.*; trying again\n$/);
    expect(readFileSync(workspace.hostPath('back')).equals(readFileSync(file))).toBe(true);
    tried.clear();
    expect(await nbd('copy', '--quiet', word, workspace.hostPath('again'))).toMatchObject({ code: 0, stderr: '' });
    tried.clear();
    expect((await nbd('objects', 'info', word)).stderr).toMatch(/^nbd: get of .*; trying again\n$/);
  });

  it('says once that the clock of this machine is wrong', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    await using server = await startS3Server({ aheadMs: 3_600_000 });
    const word = `s3://test-bucket/disk?endpoint=${server.endpoint}&region=somewhere`;
    expect(await nbd('objects', 'create', word, '1M')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^nbd: .*clock.*\n$/),
    });
  });

  it('is made, copied, listed and checked', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    await using server = await startS3Server();
    const query = `?endpoint=${server.endpoint}&region=somewhere&prefix=here`;
    const file = makeFile('file', 700_000);
    await succeed('copy', '--object-size', '64k', file, `s3://test-bucket/vm/root${query}`);
    await succeed('objects', 'snapshot', `s3://test-bucket/vm/root@one${query}`);
    await succeed('objects', 'clone', `s3://test-bucket/vm/root@one${query}`, 'copy');
    await succeed('copy', `s3://test-bucket/copy${query}`, workspace.hostPath('back'));
    expect(readFileSync(workspace.hostPath('back')).equals(readFileSync(file))).toBe(true);
    expect(await succeed('objects', 'list', `s3://test-bucket${query}`)).toMatch(/^copy .*\nvm\/root /m);
    expect(await succeed('objects', 'fsck', '--data', `s3://test-bucket${query}`)).toMatch(
      /^2 disks, .* nothing is wrong/,
    );
  });

  it('is named in words that say what is wrong', async () => {
    expect(await fail('objects', 'list', 's3://test-bucket/disk')).toMatch(/is not a store of objects, expected/);
    expect(await fail('objects', 'info', 's3://test-bucket')).toMatch(/is not a disk in a store/);
    expect(await fail('info', 's3://b!/disk')).toMatch(/is not a bucket, expected/);
    expect(await fail('info', 's3://bucket/disk?endpoit=x')).toMatch(
      /there is no parameter 'endpoit', expected endpoint,/,
    );
    expect(await fail('info', 's3://bucket/disk?path-style=1')).toMatch(/path-style is '1', expected true or false/);
  });
});
