/** Files of changes: what was marked comes onto an earlier copy, and what is damaged, cut or of another disk does not. */
import { createHash } from 'node:crypto';
import type { BlockDevice, CheckpointStore } from '@nbdjs/interfaces';
import { encodeNumbers, encodeRecord } from '@nbdjs/kit';
import { seededRandom } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyChanges,
  type ChangesEntry,
  CopyState,
  checkChanges,
  compareChanges,
  readChanges,
  type WriteChangesOptions,
  writeChanges,
} from '../src/index.ts';
import { bitmap, MarkedDevice } from './marked-device.ts';
import { ScriptedDevice } from './scripted-device.ts';

const sha256 = () => createHash('sha256');
const id = 'a'.repeat(32);
const parent = 'b'.repeat(32);

async function changesOf(source: BlockDevice, options: WriteChangesOptions = { changed: bitmap }) {
  const chunks: Uint8Array[] = [];
  const origin = { id, parent, created: '2026-01-02T03:04:05.000Z', source: 'nbd://disk', createHash: sha256 };
  const report = await writeChanges(source, (chunk) => void chunks.push(chunk.slice()), origin, options);
  return { bytes: new Uint8Array(Buffer.concat(chunks)), report };
}

const entriesOf = (bytes: Uint8Array | readonly Uint8Array[]) =>
  readChanges(bytes instanceof Uint8Array ? [bytes] : bytes, sha256);

const outcome = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'applied',
    (error) => error.message,
  );

/** Something small with data, zeroes that are reported, zeroes that are not, and a size that fits no block. */
async function sample() {
  const content = Uint8Array.from({ length: 20_001 }, (_, at) => (at < 9000 ? 1 + (at % 200) : at > 18_000 ? 7 : 0));
  const marks = Uint8Array.from({ length: 21 }, (_, block) => (block % 5 === 4 ? 0 : 1));
  const source = new MarkedDevice({ size: content.length, content }, marks);
  return { source, content, marks, ...(await changesOf(source)) };
}

describe('a file of changes', () => {
  it('makes of the earlier copy the disk as it is, however both are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.oneof(fc.constantFrom(1, 1000, 65_536, 1_500_000), fc.integer({ min: 1, max: 300_000 })),
          seed: fc.integer(),
          share: fc.constantFrom(0, 0.05, 0.5, 1),
          align: fc.constantFrom(1, 512, 4096),
          extents: fc.boolean(),
          pieceBytes: fc.integer({ min: 1, max: 100_000 }),
        }),
        async ({ size: given, seed, share, align, extents, pieceBytes }) => {
          const size = Math.max(align, given - (given % align));
          const random = seededRandom(seed);
          const turns = () => Math.floor(random() * 3);
          const content = new Uint8Array(size);
          for (let at = 0; at < size; at++) if (at % 9000 >= 4000) content[at] = 1 + (at % 200);
          const marks = Uint8Array.from({ length: Math.ceil(size / 1000) }, () => (random() < share ? 1 : 0));
          const geometry = { minimumBlockSize: align };
          const source = new MarkedDevice({ size, content, turns, geometry }, marks);
          const { bytes, report } = await changesOf(source, { changed: bitmap, extents });
          // What is not marked is what it was; what is marked was something else.
          const before = content.slice();
          for (let at = 0; at < size; at++) if (marks[Math.floor(at / 1000)] === 1) before[at] = 0xee;
          const target = new ScriptedDevice({ size, content: before, turns, geometry });
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
          const applied = await applyChanges(entriesOf(pieces), target, { requestSize: 8192 });
          expect(Buffer.compare(target.content, content)).toBe(0);
          expect(applied.totalBytes).toBe(report.totalBytes);
          expect(applied.readBytes).toBeLessThanOrEqual(report.readBytes);
          expect(await compareChanges(entriesOf(bytes), target)).toBeUndefined();
        },
      ),
      { numRuns: 15 },
    );
  });

  it('holds all of the disk without a context', async () => {
    const { source, content } = await sample();
    const { bytes } = await changesOf(source, {});
    const target = new ScriptedDevice({ size: content.length, content: content.slice().fill(3) });
    await applyChanges(entriesOf(bytes), target);
    expect(Buffer.compare(target.content, content)).toBe(0);
    expect((await checkChanges(entriesOf(bytes))).start).toMatchObject({ isFull: true, context: undefined });
  });

  it('says what it is of', async () => {
    const { bytes, report } = await sample();
    const { start, end } = await checkChanges(entriesOf(bytes));
    expect(start).toEqual({
      type: 'start',
      size: 20_001n,
      blockSize: 1,
      id,
      parent,
      isFull: false,
      created: '2026-01-02T03:04:05.000Z',
      source: 'nbd://disk',
      context: bitmap,
    });
    expect(end.dataBytes + end.zeroBytes).toBe(report.totalBytes);
    expect(report.writtenBytes).toBe(BigInt(bytes.length));
    // Zeroes take no room.
    expect(bytes.length).toBeLessThan(13_000);
  });

  it('is read byte by byte', async () => {
    const { bytes } = await sample();
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    const plain = async (entries: AsyncIterable<ChangesEntry>) => {
      const list: unknown[] = [];
      for await (const entry of entries)
        list.push(entry.type === 'data' ? { ...entry, bytes: [...entry.bytes] } : entry);
      return list;
    };
    expect(await plain(entriesOf(single))).toEqual(await plain(entriesOf(bytes)));
  });

  it('is refused when it is cut anywhere', async () => {
    const { bytes, content } = await sample();
    const target = new ScriptedDevice({ size: content.length });
    for (let length = 0; length < bytes.length; length += length < 400 ? 1 : 97) {
      const message = await outcome(applyChanges(entriesOf(bytes.subarray(0, length)), target));
      expect(message).toMatch(
        length < 8 ? /^not a file of changes/ : /damaged or cut at byte \d+: the file (ends|has no)/,
      );
    }
    expect(await outcome(checkChanges(entriesOf([bytes, Uint8Array.of(0)])))).toMatch(/something follows the end/);
  });

  it('is refused when a bit of it is flipped', async () => {
    const { bytes } = await sample();
    for (let at = 0; at < bytes.length; at += at < 400 || at > bytes.length - 80 ? 1 : 61) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      expect(await outcome(checkChanges(entriesOf(damaged)))).toMatch(
        /damaged or cut|not a file of changes|have version/,
      );
    }
  });
});

describe('a file with whole records that are wrong', () => {
  const head = Uint8Array.of(...Buffer.from('NBDCHG'), 0, 1);
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const members = { size: '8192', blockSize: 512, id, created: 'now' };
  const start = encodeRecord(0x53, text(members));
  const data = (offset: bigint, byteCount: number, way = 0) =>
    encodeRecord(0x44, encodeNumbers([8, offset], [1, way]), new Uint8Array(byteCount));
  const zeroes = (offset: bigint, length: bigint) => encodeRecord(0x5a, encodeNumbers([8, offset], [8, length]));
  const end = (changes: number, dataBytes: number, zeroBytes: number, digest = new Uint8Array(32)) =>
    encodeRecord(0x45, encodeNumbers([8, changes], [8, dataBytes], [8, zeroBytes]), digest);

  it.each<readonly [string, readonly Uint8Array[], RegExp]>([
    ['another version', [Uint8Array.of(...head.subarray(0, 7), 2)], /version 2, expected 1/],
    ['no start', [head, zeroes(0n, 512n)], /a file begins with a start/],
    ['two starts', [head, start, start], /a second start/],
    ['a start that is no object', [head, encodeRecord(0x53, text(7))], /the start is no object/],
    ['a size that is none', [head, encodeRecord(0x53, text({ ...members, size: '-1' }))], /size is no number/],
    ['a size above 2^63', [head, encodeRecord(0x53, text({ ...members, size: '9999999999999999999' }))], /size is no/],
    ['an id that is none', [head, encodeRecord(0x53, text({ ...members, id: 'x' }))], /id is no id/],
    ['blocks of no bytes', [head, encodeRecord(0x53, text({ ...members, blockSize: 0 }))], /blockSize/],
    ['a change behind the end', [head, start, zeroes(4096n, 8192n)], /past the end of the disk at 8192/],
    ['one at the end of all numbers', [head, start, zeroes(2n ** 64n - 512n, 1024n)], /past the end of the disk/],
    ['changes in disorder', [head, start, data(1024n, 512), data(512n, 512)], /not behind the one before/],
    ['changes over each other', [head, start, data(0n, 1024), zeroes(512n, 1024n)], /ended at 1024/],
    ['parts of blocks', [head, start, data(100n, 512)], /does not fit blocks of 512 bytes/],
    ['data without bytes', [head, start, data(0n, 0)], /data has 9 bytes, expected more than 9/],
    ['no zeroes', [head, start, zeroes(0n, 0n)], /has no bytes/],
    ['unknown compression', [head, start, data(0n, 512, 1)], /compressed in way 1/],
    ['an unknown record', [head, start, encodeRecord(0x58)], /type 88, which is not known/],
    ['a wrong sum', [head, start, data(0n, 512), end(1, 513, 0)], /the end says dataBytes 513, but there are 512/],
    ['a missing change', [head, start, data(0n, 512), end(2, 512, 0)], /the end says changes 2/],
    ['another digest', [head, start, data(0n, 512), end(1, 512, 0)], /the SHA-256 is [0-9a-f]{64}, expected 0{64}/],
    ['too long a record', [head, Uint8Array.of(0, 0x20, 0, 0, 0x53)], /expected at most 1114112/],
  ])('is refused: %s', async (_, pieces, expected) => {
    const target = new ScriptedDevice({ size: 8192 });
    expect(await outcome(applyChanges(entriesOf(pieces), target))).toMatch(expected);
  });

  it('may have small records that a later version adds', async () => {
    const later = encodeRecord(0x6e, text('note'));
    const before = [head, start, later, data(512n, 512)];
    const digest = sha256().update(Buffer.concat(before)).digest();
    const entries = entriesOf([...before, end(1, 512, 0, new Uint8Array(digest))]);
    expect((await checkChanges(entries)).end).toMatchObject({ changes: 1n, dataBytes: 512n });
  });
});

describe('applying changes', () => {
  it('is refused for a copy of another size, before anything is written', async () => {
    const { bytes } = await sample();
    const target = new ScriptedDevice({ size: 30_000 });
    expect(await outcome(applyChanges(entriesOf(bytes), target))).toBe(
      'the changes are of a disk of 20001 bytes, and the copy has 30000',
    );
    expect(target.counts.get('write')).toBeUndefined();
    // An image has whole sectors.
    expect(await outcome(applyChanges(entriesOf(bytes), new ScriptedDevice({ size: 20_480 })))).toBe('applied');
  });

  it('ends at the first error of the target', async () => {
    const { bytes } = await sample();
    const target = new ScriptedDevice({ size: 20_001, fail: { command: 'write', index: 1, code: 'EIO' } });
    expect(await outcome(applyChanges(entriesOf(bytes), target, { requestSize: 4096 }))).toMatch(
      /writing the target at/,
    );
    expect(target.inFlight).toBe(0);
  });

  it('can be stopped', async () => {
    const { bytes } = await sample();
    const controller = new AbortController();
    const stop = () => controller.abort(new Error('enough'));
    const options = { signal: controller.signal, onProgress: stop };
    expect(await outcome(applyChanges(entriesOf(bytes), new ScriptedDevice({ size: 20_001 }), options))).toBe('enough');
  });

  it('is seen in a comparison', async () => {
    const { bytes, content } = await sample();
    for (const at of [0, 8999, 12_000, 20_000]) {
      const target = new ScriptedDevice({ size: content.length, content });
      target.content[at] = (content[at] as number) ^ 0xff;
      // Block 4 of each five is not marked.
      const isMarked = Math.floor(at / 1000) % 5 !== 4;
      expect(await compareChanges(entriesOf(bytes), target)).toBe(isMarked ? BigInt(at) : undefined);
    }
  });
});

describe('the state of a copy', () => {
  const store = (): CheckpointStore & { text: string | undefined } => ({
    name: 'a.state',
    text: undefined,
    async load() {
      return this.text;
    },
    async save(text) {
      this.text = text;
    },
    async remove() {
      this.text = undefined;
    },
  });
  const [full, one, two] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
  const changes = (self: string, on: string | undefined, isFull = false) =>
    ({ type: 'start', size: 1n, blockSize: 1, created: '', id: self, parent: on, isFull }) as const;

  it('lets changes follow each other only in their order', async () => {
    const kept = store();
    const state = new CopyState(kept);
    await state.begin(full);
    await state.complete(full);
    const applied = async (self: string, on: string | undefined): Promise<string> => {
      const message = await outcome(new CopyState(kept).requireFits(changes(self, on)));
      if (message !== 'applied') return message;
      const copy = new CopyState(kept);
      await copy.load();
      await copy.begin(self);
      await copy.complete(self);
      return message;
    };
    expect(await applied(two, one)).toBe(`a.state: the changes follow the backup ${one}, and the copy holds ${full}`);
    expect(await applied(one, undefined)).toMatch(/do not say which backup they follow/);
    expect(await applied(one, full)).toBe('applied');
    expect(await applied(one, full)).toBe('applied');
    expect(await applied(two, one)).toBe('applied');
    expect(await applied(one, full)).toMatch(/follow the backup 1+, and the copy holds 3+/);
  });

  it('lets a copy that has failed only be completed', async () => {
    const kept = store();
    const state = new CopyState(kept);
    await state.begin(full);
    await state.complete(full);
    await state.begin(one);
    const again = new CopyState(kept);
    expect(await again.load()).toEqual({ id: full, next: one });
    expect(await outcome(again.requireFits(changes(two, full)))).toMatch(/a copy of 2+ did not end/);
    expect(await outcome(again.requireFits(changes(one, full)))).toBe('applied');
    // All of the disk makes up for everything.
    expect(await outcome(again.requireFits(changes(two, undefined, true)))).toBe('applied');
  });

  it.each(['', '{}', '{"format":"nbdjs copy state 1","id":"7"}', '[]'])('is not taken from %j', async (text) => {
    const kept = store();
    kept.text = text;
    expect(await outcome(new CopyState(kept).load())).toBe('a.state is not the state of a copy, and stays unchanged');
  });
});
