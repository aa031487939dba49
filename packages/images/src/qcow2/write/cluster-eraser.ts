/** Makes ranges of the disk zero, and gives storage back. */

import type { ClusterEntry } from '../cluster-entry.ts';
import type { ClusterWriter } from './cluster-writer.ts';
import {
  type ClusterPart,
  clusterParts,
  type DiskParts,
  lockClusters,
  releaseCluster,
  requireOutside,
} from './disk-parts.ts';
import { type EraseMode, isErased, planErase } from './erase-plan.ts';
import { unitMask } from './write-plan.ts';

/** Clusters that are changed under one lock. */
const clustersMax = 1024;
/** Zeroes that are written in one piece, in bytes. */
const zeroBytesMax = 2 ** 20;

export class ClusterEraser {
  readonly #parts: DiskParts;
  readonly #writer: ClusterWriter;
  readonly #unitBytes: number;

  constructor(parts: DiskParts, writer: ClusterWriter) {
    this.#parts = parts;
    this.#writer = writer;
    const { clusterBytes, format } = parts.tables;
    this.#unitBytes = clusterBytes / (format.isExtended ? 32 : 1);
  }

  /** Makes a range read as zeroes, or, with `trim`, as anything. */
  async erase(start: number, end: number, mode: EraseMode, signal: AbortSignal | undefined): Promise<void> {
    const unit = this.#unitBytes;
    const first = Math.ceil(start / unit) * unit;
    // What is behind the end of the disk does not count.
    const last = end === this.#parts.diskBytes() ? Math.ceil(end / unit) * unit : Math.floor(end / unit) * unit;
    if (mode !== 'trim') {
      await this.#eraseWithinUnit(start, Math.min(first, end), mode, signal);
      if (last > first || first < end) await this.#eraseWithinUnit(Math.max(first, last), end, mode, signal);
    }
    const { clusterBytes } = this.#parts.tables;
    for (let at = first; at < last; ) {
      signal?.throwIfAborted();
      const next = Math.min(last, (Math.floor(at / clusterBytes) + clustersMax) * clusterBytes);
      await this.#erasePart(at, next, mode, signal);
      at = next;
      if (this.#parts.store.isFull) await this.#parts.store.commit();
    }
  }

  /** Lets everything show again that lies below. */
  async forgetAll(signal: AbortSignal | undefined): Promise<void> {
    const { tables, diskBytes, store } = this.#parts;
    const end = Math.ceil(diskBytes() / tables.clusterBytes) * tables.clusterBytes;
    const step = clustersMax * tables.clusterBytes;
    for (let at = 0; at < end; at += step) {
      signal?.throwIfAborted();
      await this.#erasePart(at, Math.min(end, at + step), 'forget', signal);
      if (store.isFull) await store.commit();
    }
  }

  /** A part of a unit: zeroes are written where it does not read as zeroes. */
  async #eraseWithinUnit(start: number, end: number, mode: EraseMode, signal: AbortSignal | undefined): Promise<void> {
    if (start >= end) return;
    const { tables, backingBytes } = this.#parts;
    const cluster = Math.floor(start / tables.clusterBytes);
    const unit = Math.floor((start % tables.clusterBytes) / this.#unitBytes);
    const entry = await tables.entry(cluster);
    const below = cluster * tables.clusterBytes < backingBytes;
    if (mode !== 'keep' && isErased({ entry, units: unitMask(unit, unit), below })) return;
    await this.#writeZeroes(start, end, signal);
  }

  async #erasePart(start: number, end: number, mode: EraseMode, signal: AbortSignal | undefined): Promise<void> {
    const { tables } = this.#parts;
    const written: ClusterPart[] = [];
    const release = await lockClusters(this.#parts, start, end, true, signal);
    try {
      let entries: readonly ClusterEntry[] = [];
      let first = 0;
      const lastCluster = Math.ceil(end / tables.clusterBytes) - 1;
      for (const part of clusterParts(start, end, tables.clusterBytes)) {
        if (part.cluster >= first + entries.length) {
          first = part.cluster;
          entries = await tables.entries(first, lastCluster - first + 1);
        }
        const entry = entries[part.cluster - first] as ClusterEntry;
        if (!(await this.#eraseCluster(part, entry, mode))) written.push(part);
      }
    } finally {
      release();
    }
    for (const { cluster, from, to } of written) {
      const place = cluster * tables.clusterBytes;
      await this.#writeZeroes(place + from, Math.min(place + to, this.#parts.diskBytes()), signal);
    }
  }

  /** Returns `false` when zeroes have to be written. */
  async #eraseCluster(part: ClusterPart, entry: ClusterEntry, mode: EraseMode): Promise<boolean> {
    const { tables, allocator, backingBytes, hasDataFile, isRawDataFile } = this.#parts;
    const { format, clusterBytes } = tables;
    requireOutside(this.#parts, entry);
    const units = unitMask(part.from / this.#unitBytes, part.to / this.#unitBytes - 1);
    const below = part.cluster * clusterBytes < backingBytes;
    const plan = planErase({ entry, units, below }, mode, format);
    if (plan.kind === 'nothing') return true;
    if (plan.kind === 'write') return false;
    // What is forgotten may only be overwritten when no table says any more that it is there.
    if (hasDataFile && entry.host >= 0 && mode !== 'forget') {
      await this.#zeroDataFile(entry.host + part.from, entry.host + part.to, mode);
      // The data file is the disk: where it is zero, the image says nothing else.
      if (isRawDataFile) return true;
    }
    if (plan.kind === 'entry') {
      await tables.change(part.cluster, plan.next);
      if (plan.gives) releaseCluster(this.#parts, entry);
      return true;
    }
    const host = await this.#reserve(part.cluster);
    try {
      await tables.change(part.cluster, { ...plan.next, host, isOwn: true, packedBytes: 0 });
    } catch (error) {
      if (!hasDataFile) await allocator.undo({ first: host / clusterBytes, count: 1 });
      throw error;
    }
    releaseCluster(this.#parts, entry);
    return true;
  }

  async #reserve(cluster: number): Promise<number> {
    const { tables, allocator, hasDataFile } = this.#parts;
    if (hasDataFile) return cluster * tables.clusterBytes;
    const { first } = await allocator.allocate(1);
    return first * tables.clusterBytes;
  }

  /** The data file is not a part of the image: what is erased there is zero at once. */
  async #zeroDataFile(start: number, end: number, mode: EraseMode): Promise<void> {
    const { data } = this.#parts;
    const { device } = data;
    const last = Math.min(end, data.size);
    if (last <= start) return;
    if (device.abilities.writeZeroes) await device.writeZeroes(start, last - start, { noHole: mode === 'keep' });
    else
      for (let at = start; at < last; at += zeroBytesMax)
        await data.write(at, zeroes(Math.min(zeroBytesMax, last - at)));
  }

  async #writeZeroes(start: number, end: number, signal: AbortSignal | undefined): Promise<void> {
    for (let at = start; at < end; at += zeroBytesMax) {
      await this.#writer.write(at, zeroes(Math.min(zeroBytesMax, end - at)), signal);
    }
  }
}

const zeroBytes = new Uint8Array(zeroBytesMax);

function zeroes(length: number): Uint8Array {
  return zeroBytes.subarray(0, length);
}
