/** The forms of what is stored: exact, and told apart from anything else. */
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  type ChunkBitmap,
  checkObject,
  countChunks,
  decodeChunks,
  encodeObject,
  hasChunk,
  objectLength,
  rangeOfChunks,
} from '../src/core/format/data-object.ts';
import { encodePage, IndexPage } from '../src/core/format/index-page.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../src/core/format/manifest.ts';
import { keyOfObject, objectOfKey } from '../src/core/format/object-name.ts';
import { xxhash32 } from '../src/core/format/xxhash32.ts';

const name = { owner: '0123456789abcdef', epoch: 7, serial: 2 ** 40 };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('the checksum', () => {
  // Values of the reference implementation that other implementations test with, too.
  it.each([
    ['', 0, 0x02cc5d05],
    ['a', 0, 0x550d7456],
    ['abc', 0, 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
  ])('of %j with seed %d is right', (value, seed, sum) => {
    expect(xxhash32(text(value), seed)).toBe(sum);
  });

  it('is the same at any place in memory', () => {
    const bytes = text('Nobody inspects the spammish repetition, except for those who do.');
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      expect(xxhash32(moved.subarray(shift), 5)).toBe(xxhash32(bytes, 5));
    }
  });
});

describe('a data object', () => {
  const chunkBytes = 1024;
  const random = seededRandom(1);
  const parts = Array.from({ length: 64 }, (_, chunk) =>
    chunk === 0 || chunk === 63 || random() < 0.4
      ? Uint8Array.from({ length: chunkBytes }, () => Math.floor(random() * 256))
      : undefined,
  );
  const { body, chunks } = encodeObject(name, 5, chunkBytes, parts);

  it('has the chunks that it was given, and any run of them can be read', () => {
    expect(body.length).toBe(objectLength(chunks, chunkBytes));
    expect(countChunks(chunks)).toBe(parts.filter((part) => part !== undefined).length);
    for (let first = 0; first < 64; first++) {
      for (let last = first; last < 64; last++) {
        if (!hasChunk(chunks, first) || !hasChunk(chunks, last)) continue;
        const { start, length } = rangeOfChunks(chunks, chunkBytes, first, last);
        const found = decodeChunks(name, chunks, chunkBytes, first, last, body.subarray(start, start + length));
        for (const [chunk, bytes] of found) expect(Buffer.compare(bytes, parts[chunk] as Uint8Array)).toBe(0);
        expect(found[0]?.[0]).toBe(first);
        expect(found.at(-1)?.[0]).toBe(last);
      }
    }
  });

  it('is not taken for another one, nor one of its chunks for another chunk', () => {
    checkObject(name, chunks, chunkBytes, body);
    for (const other of [
      { ...name, epoch: 8 },
      { ...name, serial: 1 },
      { ...name, owner: '0123456789abcdee' },
    ]) {
      expect(() => checkObject(other, chunks, chunkBytes, body)).toThrow('checksum');
    }
    const one: ChunkBitmap = { low: 1, high: 0 };
    const zeroth = encodeObject(name, 5, chunkBytes, [parts[0]]).body;
    checkObject(name, one, chunkBytes, zeroth);
    expect(() => checkObject(name, { low: 2, high: 0 }, chunkBytes, zeroth)).toThrow('checksum');
  });

  it('shows every byte that has changed, and a body that was cut', () => {
    for (let round = 0; round < 200; round++) {
      const damaged = body.slice();
      const place = Math.floor(random() * body.length);
      damaged[place] = (damaged[place] as number) ^ (1 + Math.floor(random() * 255));
      expect(() => checkObject(name, chunks, chunkBytes, damaged), `byte ${place}`).toThrow('damaged');
    }
    expect(() => checkObject(name, chunks, chunkBytes, body.subarray(1))).toThrow('damaged');
  });
});

describe('an index page', () => {
  const entries = new Map(
    [4095, 7, 0, 100].map((slot) => [
      slot,
      {
        object: { ...name, serial: slot, owner: slot === 7 ? 'fedcba9876543210' : name.owner },
        chunks: { low: slot, high: 1 },
      },
    ]),
  );
  const body = encodePage(3, entries);

  it('gives back what was put into it', () => {
    const page = new IndexPage('page', 3, body);
    expect([...page.entries()]).toEqual([...entries].sort(([one], [other]) => one - other));
    for (const slot of [0, 1, 7, 8, 100, 4094, 4095]) expect(page.get(slot)).toEqual(entries.get(slot));
  });

  it('is refused as another page, damaged, or cut', () => {
    expect(() => new IndexPage('page', 4, body)).toThrow('page 3, expected 4');
    const random = seededRandom(2);
    for (let round = 0; round < 200; round++) {
      const damaged = body.slice();
      const place = Math.floor(random() * body.length);
      damaged[place] = (damaged[place] as number) ^ (1 + Math.floor(random() * 255));
      expect(() => new IndexPage('page', 3, damaged), `byte ${place}`).toThrow('damaged');
      expect(() => new IndexPage('page', 3, body.subarray(0, place))).toThrow('damaged');
    }
  });
});

describe('a manifest', () => {
  const map = {
    pages: new Map([[0, name]]),
    changes: new Map([
      [3, { object: { ...name, owner: 'fedcba9876543210' }, chunks: { low: 2 ** 31, high: 5 } }],
      [9, undefined],
    ]),
  };
  const manifest: Manifest = {
    id: name.owner,
    time: 5,
    size: 2 ** 30,
    objectBytes: 2 ** 20,
    epoch: 3,
    commit: 70,
    floor: 12,
    generation: 2,
    writer: { nonce: 'n', label: 'a "host"', identity: 'i', leaseMs: 1000 },
    lineage: { identity: 'i', since: 2 },
    origin: { disk: 'other', snapshot: 's' },
    map,
    snapshots: new Map([
      ['s1', { time: 4, size: 2 ** 20, map: { pages: new Map(), changes: new Map() }, pins: ['clone:1'] }],
      ['__proto__', { time: 4, size: 2 ** 30, map, pins: [] }],
    ]),
  };

  it('gives back what was put into it', () => {
    expect(decodeManifest('disk', encodeManifest(manifest))).toEqual(manifest);
    const { lineage: _lineage, origin: _origin, ...rest } = manifest;
    const small = { ...rest, writer: undefined, snapshots: new Map() };
    expect(decodeManifest('disk', encodeManifest(small))).toEqual({ ...small, lineage: undefined, origin: undefined });
    const gone = { id: name.owner, isDeleted: true, commit: 9 } as const;
    expect(decodeManifest('disk', encodeManifest(gone))).toEqual(gone);
  });

  it('is refused in words, whatever one of its values is', () => {
    const json = JSON.parse(new TextDecoder().decode(encodeManifest(manifest)));
    const values = [null, -1, 1.5, 2 ** 60, 'x', '', [], {}, [[]], [[99_999_999]], true, { a: 1 }];
    let refused = 0;
    const visit = (node: Record<string, unknown>): void => {
      for (const [key, value] of Object.entries(node)) {
        for (const bad of values) {
          node[key] = bad;
          try {
            decodeManifest('disk', text(JSON.stringify(json)));
          } catch (error) {
            expect(error, JSON.stringify(json)).toMatchObject({
              code: 'EIO',
              message: expect.stringContaining('the manifest of disk'),
            });
            refused++;
          }
        }
        node[key] = value;
        if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
      }
    };
    visit(json);
    expect(refused).toBeGreaterThan(300);
  });
});

it('names objects so that nothing else is taken for one', () => {
  expect(keyOfObject(name)).toBe('objects/0123456789abcdef/7.1099511627776');
  expect(objectOfKey(keyOfObject(name))).toEqual(name);
  for (const key of [
    'objects/0123456789abcdef/7',
    'objects/x/7.1',
    'objects/0123456789abcdef/07.1',
    'objects/0123456789ABCDEF/7.1',
    'disks/a',
  ]) {
    expect(objectOfKey(key), key).toBeUndefined();
  }
});
