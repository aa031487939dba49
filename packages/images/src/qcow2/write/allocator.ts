/** Gives away clusters of the file, and takes them back when nothing on the disk refers to them any more. */
import { Semaphore } from '@nbdjs/kit';
import type { WritableFile } from '../../device/writable-file.ts';
import { damage } from '../damage.ts';
import type { ClusterSpan, Refcounts } from './refcounts.ts';
import { Stage, type TablePages } from './table-pages.ts';

/** Clusters that were given away. */
export interface AllocatedSpan extends ClusterSpan {
  /** The bytes of all of them are known to be zero. */
  readonly isFresh: boolean;
}

/** What the allocator needs. */
export interface AllocatorParts {
  readonly file: WritableFile;
  readonly pages: TablePages;
  readonly refcounts: Refcounts;
  readonly clusterBytes: number;
  /** Whether a cluster has a part of the image's own structure, whatever its refcount says. */
  readonly isReserved: (cluster: number) => boolean;
}

export class Allocator {
  readonly #parts: AllocatorParts;
  readonly #mutex = new Semaphore(1);
  /** All clusters before it are in use. */
  #cursor = 0;
  /** Not used any more, as soon as the tables in memory are stored. */
  #given: ClusterSpan[] = [];
  /** Not used any more. */
  #ripe: ClusterSpan[] = [];

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
  }

  /** Spans that wait for the tables to be stored. */
  get waitingCount(): number {
    return this.#given.length;
  }

  /**
   * Gives away up to `want` clusters in one piece, at least one: their refcounts are 1.
   *
   * @throws CommandError `ENOSPC` when the file cannot grow.
   */
  allocate(want: number): Promise<AllocatedSpan> {
    return this.#mutex.run(async () => {
      await this.#takeBack();
      return this.#use(await this.#find(want));
    });
  }

  /** Gives away clusters in one piece, all of them. */
  allocateWhole(count: number): Promise<AllocatedSpan> {
    return this.#mutex.run(async () => {
      await this.#takeBack();
      const tooShort: ClusterSpan[] = [];
      let span = await this.#find(count);
      while (span.count < count) {
        const next = await this.#find(count - span.count);
        if (next.first === span.first + span.count) span = { first: span.first, count: span.count + next.count };
        else {
          tooShort.push(span);
          span = next;
        }
      }
      for (const one of tooShort) await this.#lower(one);
      return this.#use(span);
    });
  }

  /** The caller's reference to clusters ends when the tables in memory are stored. */
  release(span: ClusterSpan): void {
    const last = this.#given.at(-1);
    if (last !== undefined && last.first + last.count === span.first) {
      this.#given[this.#given.length - 1] = { first: last.first, count: last.count + span.count };
    } else this.#given.push(span);
  }

  /** Clusters that were given away, and to which nothing refers, not even in memory. */
  undo(span: ClusterSpan): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#lower(span);
    });
  }

  /** Spans whose references end with the tables that are stored now. */
  takeGiven(): readonly ClusterSpan[] {
    const given = this.#given;
    this.#given = [];
    return given;
  }

  /** The tables could not be stored. */
  restoreGiven(spans: readonly ClusterSpan[]): void {
    this.#given = [...spans, ...this.#given];
  }

  /** Nothing on the disk refers to these any more, and no read that has begun either. */
  ripen(spans: readonly ClusterSpan[]): void {
    for (const span of spans) this.#ripe.push(span);
  }

  /** Lowers the refcounts of all that is ripe. */
  settle(): Promise<void> {
    return this.#mutex.run(() => this.#takeBack());
  }

  async #use(span: ClusterSpan): Promise<AllocatedSpan> {
    const { file, clusterBytes } = this.#parts;
    const [start, end] = [span.first * clusterBytes, (span.first + span.count) * clusterBytes];
    try {
      await file.require(end);
    } catch (error) {
      await this.#lower(span);
      throw error;
    }
    const isFresh = file.isFresh(start);
    file.use(end);
    return { ...span, isFresh };
  }

  async #takeBack(): Promise<void> {
    const ripe = this.#ripe;
    this.#ripe = [];
    for (const span of ripe) {
      // Clusters whose refcounts cannot be read, or are wrong, stay as they are: a leak is no damage.
      const freed = await this.#lower(span).catch(() => []);
      for (const one of freed) await this.#trim(one);
    }
  }

  /** The file gives the storage back, where it can; it is no failure where it cannot. */
  async #trim({ first, count }: ClusterSpan): Promise<void> {
    const { file, clusterBytes } = this.#parts;
    const { device } = file;
    if (!device.abilities.trim) return;
    try {
      await device.trim(first * clusterBytes, Math.min(count * clusterBytes, file.size - first * clusterBytes));
    } catch {}
  }

  /** Returns what is free now, in spans. */
  async #lower({ first, count }: ClusterSpan): Promise<readonly ClusterSpan[]> {
    const freed: ClusterSpan[] = [];
    for (let cluster = first; cluster < first + count; cluster++) {
      const left = await this.#parts.refcounts.change(cluster, -1);
      if (left !== 0) continue;
      if (cluster < this.#cursor) this.#cursor = cluster;
      const last = freed.at(-1);
      if (last !== undefined && last.first + last.count === cluster) {
        freed[freed.length - 1] = { first: last.first, count: last.count + 1 };
      } else freed.push({ first: cluster, count: 1 });
    }
    return freed;
  }

  async #find(want: number): Promise<ClusterSpan> {
    const { refcounts, pages } = this.#parts;
    for (;;) {
      const start = this.#cursor;
      if (!refcounts.hasBlock(start)) {
        const old = await refcounts.createBlock(start, (cluster) => this.#requireUnused(cluster));
        if (old !== undefined) this.release(old);
      }
      const { place, index, left } = refcounts.spotOf(start);
      const span = await pages.visit(place, (view) => this.#mark(view, place, start, { index, left, want }));
      this.#cursor = span.first + span.count;
      if (span.count > 0) return span;
    }
  }

  /** Marks the first free clusters that have their refcounts in a page; `count` is 0, behind the page, when none is free. */
  #mark(
    view: DataView,
    place: number,
    start: number,
    { index, left, want }: { readonly index: number; readonly left: number; readonly want: number },
  ): ClusterSpan {
    const { bits } = this.#parts.refcounts;
    let from = 0;
    while (from < left && bits.get(view, index + from) !== 0) from++;
    let end = from;
    while (end < left && end - from < want && bits.get(view, index + end) === 0) {
      this.#requireUnused(start + end);
      end++;
    }
    for (let used = from; used < end; used++) bits.set(view, index + used, 1);
    if (end > from) this.#parts.pages.touch(place, view, Stage.Refcounts);
    return { first: start + from, count: end - from };
  }

  #requireUnused(cluster: number): void {
    const { refcounts, isReserved } = this.#parts;
    if (!refcounts.isOwn(cluster) && !isReserved(cluster)) return;
    throw damage(`cluster ${cluster}`, 'it has a part of the image itself, and its refcount is 0');
  }
}
