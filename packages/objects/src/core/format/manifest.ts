/**
 * The manifest of a disk: the one object that changes. It says who may write, where the bytes are, and which snapshots there are. It is
 * replaced as a whole, with a condition, so that of two writers one fails; all else that a disk consists of is never changed.
 *
 * It is JSON, because people will read it when something went wrong. What grows with the disk is in index pages.
 */
import type { ChunkBitmap } from './data-object.ts';
import { formatError } from './format-error.ts';
import type { BlockEntry } from './index-page.ts';
import { blocksPerPage } from './index-page.ts';
import { idPattern, type ObjectName } from './object-name.ts';
import type { Lineage, Origin, WriterMark, WriterRecord } from './writers.ts';

export type { Lineage, Origin, WriterMark, WriterRecord } from './writers.ts';

/** The version of the format that this code writes, and the only one that it reads. */
const formatVersion = 1;

/** Longest manifest that is read, in bytes. */
export const manifestBytesMax = 16 * 2 ** 20;

/** Blocks that a disk has at most: so many that its index pages still fit into a manifest. */
export const blocksMax = 2 ** 26;

/** Least and greatest size of the objects of a disk, in bytes. */
export const objectBytesLeast = 2 ** 16;
export const objectBytesMost = 2 ** 26;

/** Where the bytes of a disk, or of a snapshot, are: pages, and what has changed since they were written. */
export interface BlockMapState {
  /** By the number of the page. */
  readonly pages: ReadonlyMap<number, ObjectName>;
  /** By the number of the block; `undefined` where the block is a hole now. */
  readonly changes: ReadonlyMap<number, BlockEntry | undefined>;
}

/** One snapshot. */
export interface SnapshotRecord {
  /** When it was made, in milliseconds since 1970, by the clock of who made it. */
  readonly time: number;
  readonly size: number;
  readonly map: BlockMapState;
  /** Ids of the clones that are being made from it: it is not removed until they are done. */
  readonly pins: readonly string[];
}

/** A disk. */
export interface Manifest {
  readonly id: string;
  readonly time: number;
  readonly size: number;
  readonly objectBytes: number;
  /** Counts writers. The objects of a writer have its epoch in their names. */
  readonly epoch: number;
  /** Counts manifests of this disk, so that no two are alike. */
  readonly commit: number;
  /** Objects of this epoch with a serial below it that the manifest does not name never will be named. */
  readonly floor: number;
  /** Counts changes of the snapshots. */
  readonly generation: number;
  /** `undefined` while no one writes. */
  readonly writer: WriterRecord | undefined;
  /** Of the last writer, if it had an identity. */
  readonly lineage?: Lineage | undefined;
  /** The last writers, the youngest last: they tell a manifest from one of a disk that was restored and has gone another way. */
  readonly trail?: readonly WriterMark[] | undefined;
  readonly origin?: Origin | undefined;
  readonly map: BlockMapState;
  readonly snapshots: ReadonlyMap<string, SnapshotRecord>;
}

/** What is left of a disk that was deleted: nobody can write to it any more. */
export interface Tombstone {
  readonly id: string;
  readonly isDeleted: true;
  readonly commit: number;
}

export const disksPrefix = 'disks/';

export function keyOfDisk(disk: string): string {
  return `${disksPrefix}${disk}`;
}

export const emptyMap: BlockMapState = { pages: new Map(), changes: new Map() };

type Json = Readonly<Record<string, unknown>>;

export function encodeManifest(manifest: Manifest | Tombstone): Uint8Array {
  if ('isDeleted' in manifest) {
    const { id, commit } = manifest;
    return new TextEncoder().encode(JSON.stringify({ format: formatVersion, id, deleted: true, commit }));
  }
  const owners = new Map([[manifest.id, 0]]);
  const mapJson = (map: BlockMapState): Json => encodeMap(map, owners);
  const { id, time, size, objectBytes, epoch, commit, floor, generation, writer, lineage, trail, origin } = manifest;
  const map = mapJson(manifest.map);
  const snapshots = Object.fromEntries(
    [...manifest.snapshots].map(([name, one]) => [
      name,
      { time: one.time, size: one.size, map: mapJson(one.map), pins: one.pins },
    ]),
  );
  const head = { format: formatVersion, id, time, size, objectBytes, epoch, commit, floor, generation };
  const text = JSON.stringify({
    ...head,
    writer: writer ?? null,
    lineage,
    trail: trail?.map(({ epoch: writerEpoch, nonce }) => [writerEpoch, nonce]),
    origin,
    owners: [...owners.keys()],
    map,
    snapshots,
  });
  return new TextEncoder().encode(text);
}

function encodeMap({ pages, changes }: BlockMapState, owners: Map<string, number>): Json {
  const nameText = ({ owner, epoch, serial }: ObjectName): string => {
    let index = owners.get(owner);
    if (index === undefined) {
      index = owners.size;
      owners.set(owner, index);
    }
    return `${index}.${epoch}.${serial}`;
  };
  return {
    pages: [...pages].map(([page, name]) => [page, nameText(name)]),
    changes: [...changes].map(([block, entry]) =>
      entry === undefined ? [block] : [block, nameText(entry.object), hexOf(entry.chunks)],
    ),
  };
}

/**
 * @param what the disk, for messages
 * @throws CommandError `EIO` for bytes that are no manifest, or one of another version.
 */
export function decodeManifest(what: string, body: Uint8Array): Manifest | Tombstone {
  const reader = new ManifestReader(what);
  return reader.read(body);
}

class ManifestReader {
  readonly #what: string;
  #owners: readonly string[] = [];

  constructor(what: string) {
    this.#what = what;
  }

  read(body: Uint8Array): Manifest | Tombstone {
    if (body.length > manifestBytesMax)
      throw this.#bad(`it has ${body.length} bytes, expected at most ${manifestBytesMax}`);
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch {
      throw this.#bad('it is not JSON');
    }
    const root = this.#object('it', json);
    const version = root.format;
    if (version !== formatVersion)
      throw this.#bad(`its format is ${describe(version)}, this version reads ${formatVersion}`);
    const id = this.#text('id', root.id);
    if (!idPattern.test(id)) throw this.#bad(`id is ${describe(id)}, expected 16 hexadecimal digits`);
    const commit = this.#count('commit', root.commit);
    if (root.deleted === true) return { id, isDeleted: true, commit };
    const owners = this.#list('owners', root.owners).map((owner) => this.#text('owner', owner));
    if (!owners.every((owner) => idPattern.test(owner))) throw this.#bad('an owner is no id');
    this.#owners = owners;
    const objectBytes = this.#count('objectBytes', root.objectBytes);
    if (objectBytes < objectBytesLeast || objectBytes > objectBytesMost || !Number.isInteger(Math.log2(objectBytes))) {
      throw this.#bad(`objectBytes is ${objectBytes}`);
    }
    const size = this.#size('size', root.size, objectBytes);
    const blocks = Math.ceil(size / objectBytes);
    const snapshots = Object.entries(this.#object('snapshots', root.snapshots)).map(([name, json]) =>
      this.#snapshot(name, json, objectBytes),
    );
    return {
      id,
      commit,
      size,
      objectBytes,
      time: this.#count('time', root.time),
      epoch: this.#count('epoch', root.epoch),
      floor: this.#count('floor', root.floor),
      generation: this.#count('generation', root.generation),
      writer: root.writer === null ? undefined : this.#writer(root.writer),
      lineage: root.lineage === undefined ? undefined : this.#lineage(root.lineage),
      trail: root.trail === undefined ? undefined : this.#trail(root.trail),
      origin: root.origin === undefined ? undefined : this.#origin(root.origin),
      map: this.#map('map', root.map, blocks),
      snapshots: new Map(snapshots),
    };
  }

  #snapshot(name: string, json: unknown, objectBytes: number): readonly [string, SnapshotRecord] {
    if (!isName(name)) throw this.#bad(`a snapshot is called ${describe(name)}`);
    const record = this.#object(`snapshot ${name}`, json);
    const size = this.#size('size', record.size, objectBytes);
    const map = this.#map(`snapshot ${name}`, record.map, Math.ceil(size / objectBytes));
    const pins = this.#list('pins', record.pins).map((pin) => this.#text('a pin', pin));
    return [name, { time: this.#count('time', record.time), size, map, pins }];
  }

  #writer(json: unknown): WriterRecord {
    const { nonce, label, identity, leaseMs } = this.#object('writer', json);
    return {
      nonce: this.#text('nonce', nonce),
      label: this.#text('label', label),
      identity: identity === undefined ? undefined : this.#text('identity', identity),
      leaseMs: this.#count('leaseMs', leaseMs),
    };
  }

  #lineage(json: unknown): Lineage {
    const { identity, since } = this.#object('lineage', json);
    return { identity: this.#text('identity', identity), since: this.#count('since', since) };
  }

  #trail(json: unknown): readonly WriterMark[] {
    return this.#list('trail', json).map((one) => {
      const [epoch, nonce] = this.#list('a writer', one);
      return { epoch: this.#count('epoch', epoch), nonce: this.#text('nonce', nonce) };
    });
  }

  #origin(json: unknown): Origin {
    const { disk, snapshot } = this.#object('origin', json);
    return { disk: this.#text('disk', disk), snapshot: this.#text('snapshot', snapshot) };
  }

  #map(what: string, json: unknown, blocks: number): BlockMapState {
    const { pages, changes } = this.#object(what, json);
    const pageCount = Math.ceil(blocks / blocksPerPage);
    return {
      pages: new Map(
        this.#list('pages', pages).map((one) => {
          const [page, name] = this.#list('a page', one);
          return [this.#below('a page', page, pageCount), this.#name(name)];
        }),
      ),
      changes: new Map(
        this.#list('changes', changes).map((one) => {
          const [block, name, chunks] = this.#list('a change', one);
          const entry = name === undefined ? undefined : { object: this.#name(name), chunks: this.#chunks(chunks) };
          return [this.#below('a block', block, blocks), entry];
        }),
      ),
    };
  }

  #name(json: unknown): ObjectName {
    const [owner, epoch, serial] = this.#text('the name of an object', json).split('.').map(Number);
    const id = this.#owners[owner ?? -1];
    if (id === undefined) throw this.#bad(`an object is called ${describe(json)}`);
    return { owner: id, epoch: this.#count('epoch', epoch), serial: this.#count('serial', serial) };
  }

  #chunks(json: unknown): ChunkBitmap {
    const text = this.#text('chunks', json);
    if (!/^[0-9a-f]{16}$/.test(text)) throw this.#bad(`chunks are ${describe(text)}`);
    return { high: Number.parseInt(text.slice(0, 8), 16), low: Number.parseInt(text.slice(8), 16) };
  }

  #size(what: string, value: unknown, objectBytes: number): number {
    const size = this.#count(what, value);
    if (Math.ceil(size / objectBytes) > blocksMax)
      throw this.#bad(`${what} is ${size}, too much for objects of ${objectBytes} bytes`);
    return size;
  }

  #below(what: string, value: unknown, end: number): number {
    const number = this.#count(what, value);
    if (number >= end) throw this.#bad(`${what} has the number ${number}, expected less than ${end}`);
    return number;
  }

  #count(what: string, value: unknown): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#bad(`${what} is ${describe(value)}, expected a whole number`);
  }

  #text(what: string, value: unknown): string {
    if (typeof value === 'string') return value;
    throw this.#bad(`${what} is ${describe(value)}, expected a text`);
  }

  #list(what: string, value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value as readonly unknown[];
    throw this.#bad(`${what} is ${describe(value)}, expected a list`);
  }

  #object(what: string, value: unknown): Json {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
    throw this.#bad(`${what} is ${describe(value)}, expected an object`);
  }

  #bad(why: string): Error {
    return formatError(`the manifest of ${this.#what}`, why);
  }
}

/** Names of disks and of snapshots. A disk's name may have folders; that of a snapshot may not. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(text);
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 80);
}

function hexOf({ low, high }: ChunkBitmap): string {
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}
