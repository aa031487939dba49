/** Writes to the disk: in place, or to clusters that are allocated for it ("copy-on-write"). */
import { settleAll } from '@nbdjs/kit';
import type { AllocatedSpan } from './allocator.ts';
import { clusterParts, type DiskParts, lockClusters, releaseCluster, requireOutside } from './disk-parts.ts';
import { planWrite, type WritePlan } from './write-plan.ts';

/** Up to this length, what is copied around a write goes to the file together with it. */
const joinedBytesMax = 2 ** 18;

interface Piece {
  readonly host: number;
  readonly bytes: Uint8Array;
}

/** Where a cluster is written. */
interface PlacedPlan extends WritePlan {
  readonly host: number;
  readonly isFresh: boolean;
}

export class ClusterWriter {
  readonly #parts: DiskParts;

  constructor(parts: DiskParts) {
    this.#parts = parts;
  }

  /** Waits for all pieces, also when one fails: the memory is the caller's again afterwards. */
  async write(start: number, source: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (await this.#writeInPlace(start, source, signal)) return;
    const release = await lockClusters(this.#parts, start, start + source.length, true, signal);
    try {
      await this.#writeLocked(start, source);
    } finally {
      release();
    }
  }

  /** Returns whether all of it could be written without a change of the tables. */
  async #writeInPlace(start: number, source: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> {
    const end = start + source.length;
    if ((await this.#placesOf(start, end)) === undefined) return false;
    const release = await lockClusters(this.#parts, start, end, false, signal);
    try {
      const plans = await this.#placesOf(start, end);
      if (plans === undefined) return false;
      await this.#writePieces(await this.#pieces(start, source, plans));
      return true;
    } finally {
      release();
    }
  }

  /** Clusters whose entries do not change; `undefined` as soon as there is another one. */
  async #placesOf(start: number, end: number): Promise<readonly PlacedPlan[] | undefined> {
    const plans: PlacedPlan[] = [];
    for await (const plan of this.#plans(start, end)) {
      if (plan.next !== undefined) return undefined;
      plans.push({ ...plan, host: plan.entry.host, isFresh: false });
    }
    return plans;
  }

  /** A write with an exclusive lock on its clusters. */
  async #writeLocked(start: number, source: Uint8Array): Promise<void> {
    const { tables, allocator, store } = this.#parts;
    const plans: WritePlan[] = [];
    for await (const plan of this.#plans(start, start + source.length)) plans.push(plan);
    const spans: AllocatedSpan[] = [];
    let entered = 0;
    try {
      // Where there is no room for tables, that is known before anything refers to them.
      for (const plan of plans) if (plan.next !== undefined) await tables.prepare(plan.cluster);
      const placed = await this.#place(plans, spans);
      await this.#writePieces(await this.#pieces(start, source, placed));
      store.noteNewData();
      for (const { cluster, next, host, entry } of placed) {
        if (next !== undefined) {
          await tables.change(cluster, { ...next, host, isOwn: true, packedBytes: 0 });
          if (host !== entry.host) releaseCluster(this.#parts, entry);
        }
        entered++;
      }
    } catch (error) {
      // What the tables do not refer to goes back at once.
      if (entered === 0) await Promise.allSettled(spans.map((span) => allocator.undo(span)));
      throw error;
    }
  }

  async *#plans(start: number, end: number): AsyncGenerator<WritePlan> {
    const { tables, backingBytes, hasDataFile, diskBytes } = this.#parts;
    const { clusterBytes, format } = tables;
    let entries: Awaited<ReturnType<typeof tables.entries>> = [];
    let first = 0;
    const lastCluster = Math.floor((end - 1) / clusterBytes);
    for (const part of clusterParts(start, end, clusterBytes)) {
      if (part.cluster >= first + entries.length) {
        first = part.cluster;
        entries = await tables.entries(first, lastCluster - first + 1);
      }
      const entry = entries[part.cluster - first] as (typeof entries)[number];
      requireOutside(this.#parts, entry);
      const plan = planWrite(part, entry, format, part.cluster * clusterBytes < backingBytes);
      // A data file ends where the disk does.
      const end = hasDataFile ? Math.min(plan.fillTo, diskBytes() - part.cluster * clusterBytes) : plan.fillTo;
      yield { ...plan, fillTo: Math.max(part.to, end) };
    }
  }

  /** Finds places for all clusters that need one, in as few pieces as possible. */
  async #place(plans: readonly WritePlan[], spans: AllocatedSpan[]): Promise<readonly PlacedPlan[]> {
    const { tables, allocator, hasDataFile, data } = this.#parts;
    const { clusterBytes } = tables;
    const placed: PlacedPlan[] = [];
    let span: AllocatedSpan = { first: 0, count: 0, isFresh: false };
    let used = 0;
    let missing = plans.filter((plan) => plan.needsHost).length;
    for (const plan of plans) {
      if (!plan.needsHost) placed.push({ ...plan, host: plan.entry.host, isFresh: false });
      else if (hasDataFile) {
        const host = plan.cluster * clusterBytes;
        await data.require(host + plan.fillTo);
        placed.push({ ...plan, host, isFresh: false });
      } else {
        if (used === span.count) {
          span = await allocator.allocate(missing);
          spans.push(span);
          used = 0;
        }
        placed.push({ ...plan, host: (span.first + used) * clusterBytes, isFresh: span.isFresh });
        used++;
        missing--;
      }
    }
    return placed;
  }

  /** What is written where: the caller's bytes, and what is copied around them. */
  async #pieces(start: number, source: Uint8Array, plans: readonly PlacedPlan[]): Promise<readonly Piece[]> {
    const pieces: Piece[] = [];
    let at = 0;
    let runFrom = 0;
    let runHost = -1;
    const endRun = (): void => {
      if (at > runFrom) pieces.push({ host: runHost, bytes: source.subarray(runFrom, at) });
      runFrom = at;
    };
    for (const plan of plans) {
      const { from, to, host, fillIsZero, isFresh } = plan;
      const needsFill = !(fillIsZero && isFresh) && (plan.fillFrom < from || plan.fillTo > to);
      const own = source.subarray(at, at + to - from);
      if (needsFill) {
        endRun();
        const cluster = start + at - from;
        const [head, tail] = [from - plan.fillFrom, plan.fillTo - to];
        const isJoined = head + own.length + tail <= joinedBytesMax;
        for (const [place, bytes] of await this.#filled(cluster, plan, own, isJoined)) {
          pieces.push({ host: host + place, bytes });
        }
        at += to - from;
        runFrom = at;
        runHost = -1;
        continue;
      }
      if (runHost < 0 || runHost + at - runFrom !== host + from) {
        endRun();
        runHost = host + from;
      }
      at += to - from;
    }
    endRun();
    return pieces;
  }

  /** The pieces of one cluster, by their places in it. */
  async #filled(
    cluster: number,
    { from, to, fillFrom, fillTo, fillIsZero }: WritePlan,
    own: Uint8Array,
    isJoined: boolean,
  ): Promise<readonly (readonly [number, Uint8Array])[]> {
    const { reader, diskBytes } = this.#parts;
    const copy = async (start: number, target: Uint8Array): Promise<void> => {
      // Behind the end of the disk there are zeroes, whatever lies below.
      const bytes = Math.min(target.length, diskBytes() - cluster - start);
      if (!fillIsZero && bytes > 0) await reader.read(cluster + start, target.subarray(0, bytes), {});
    };
    if (isJoined) {
      const bytes = new Uint8Array(fillTo - fillFrom);
      bytes.set(own, from - fillFrom);
      await settleAll([copy(fillFrom, bytes.subarray(0, from - fillFrom)), copy(to, bytes.subarray(to - fillFrom))]);
      return [[fillFrom, bytes]];
    }
    const [head, tail] = [new Uint8Array(from - fillFrom), new Uint8Array(fillTo - to)];
    await settleAll([copy(fillFrom, head), copy(to, tail)]);
    return (
      [
        [fillFrom, head],
        [from, own],
        [to, tail],
      ] as const
    ).filter(([, bytes]) => bytes.length > 0);
  }

  #writePieces(pieces: readonly Piece[]): void | Promise<void> {
    const { data } = this.#parts;
    return settleAll(pieces.map(({ host, bytes }) => data.write(host, bytes)));
  }
}
