/** One check of an image: references are counted, and held to the refcounts and marks. */
import type { FileBytes } from '../../device/image-file.ts';
import { unsupportedImage } from '../../image-errors.ts';
import { type ClusterEntry, entryFormat } from '../cluster-entry.ts';
import type { Qcow2Header } from '../header.ts';
import { type RefcountBits, refcountBits } from '../refcount-bits.ts';
import { readRefcountTable } from '../refcount-table.ts';
import { ClusterTally } from './cluster-tally.ts';
import { Findings, type Qcow2Check } from './findings.ts';
import { findReferences, type ImageReferences } from './image-references.ts';
import { RefcountReader } from './refcount-reader.ts';
import { type ActiveEntry, ReferenceWalk } from './reference-walk.ts';

/** How a check is done. */
export interface ImageCheckSettings {
  readonly memoryBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** What a repair does about what is found. */
export interface ImageFixer {
  /** A refcount is not the number of references. */
  refcount(cluster: number, refcount: number, references: number): Promise<void>;
  /** All refcounts have been compared; those in the file are used from now on. */
  refcountsEnd(): Promise<void>;
  /** A cluster has to be marked as the disk's own, or not to be. */
  mark(entry: ActiveEntry, isOwn: boolean): Promise<void>;
}

/** Passes over an image that is scattered over a huge file. */
const passesMax = 64;

export class ImageCheck {
  readonly findings = new Findings();
  readonly bits: RefcountBits;
  /** Where each block of refcounts is; 0 for those that are missing or damaged. */
  blocks: readonly number[] = [];
  /** The refcount table itself is damaged, or lacks a block. */
  needsRebuild = false;
  /** References make no sense, so that clusters may seem to be used by nothing. */
  hasLostReferences = false;
  readonly #file: FileBytes;
  readonly #header: Qcow2Header;
  readonly #settings: ImageCheckSettings;
  readonly #clusterBytes: number;
  #references: ImageReferences | undefined;
  #lastCluster = 0;
  readonly #stored = { allocated: 0, fragmented: 0, packed: 0, next: 0 };

  constructor(file: FileBytes, header: Qcow2Header, settings: ImageCheckSettings) {
    this.#file = file;
    this.#header = header;
    this.#settings = settings;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.bits = refcountBits(header.refcountOrder);
  }

  /** Checks an image, and has `fixer` repair what is found. */
  static async run(
    file: FileBytes,
    header: Qcow2Header,
    settings: ImageCheckSettings,
    fixer?: ImageFixer,
  ): Promise<ImageCheck> {
    const check = new ImageCheck(file, header, settings);
    await check.open();
    await check.#countAll(fixer);
    await fixer?.refcountsEnd();
    await check.#checkMarks(fixer);
    return check;
  }

  get result(): Qcow2Check {
    const { counts, list } = this.findings;
    const { allocated, fragmented, packed } = this.#stored;
    return {
      corruptions: counts.corruption,
      leaks: counts.leak,
      corruptionsRepaired: 0,
      leaksRepaired: 0,
      findings: list,
      imageEndBytes: (this.#lastCluster + 1) * this.#clusterBytes,
      totalClusters: Math.ceil(Number(this.#header.virtualBytes) / this.#clusterBytes),
      allocatedClusters: allocated,
      fragmentedClusters: fragmented,
      compressedClusters: packed,
    };
  }

  /** Reads the lists that everything else is found by. */
  async open(): Promise<void> {
    const { signal } = this.#settings;
    this.#references = await findReferences(this.#file, this.#header, signal);
    const damaged = (place: string, message: string): void => {
      this.needsRebuild = true;
      this.findings.add('corruption', `${place}: ${message}`);
    };
    const seen = new Set<number>();
    const blocks = await readRefcountTable(this.#file, this.#header, signal, damaged);
    this.blocks = blocks.map((block, index) => {
      if (block !== 0 && seen.has(block)) {
        damaged(`block ${index} of the refcount table`, `another block is at byte ${block}, too`);
        return 0;
      }
      seen.add(block);
      return block;
    });
  }

  /** Counts references in one pass. `withRefcounts`: those of the refcounts themselves, too. */
  async count(tally: ClusterTally, withRefcounts: boolean, isFirst: boolean): Promise<void> {
    const { findings } = this;
    await this.#walk().run(
      {
        use: (first, last, times) => tally.add(first, last, times),
        damaged: (place, message) => {
          this.hasLostReferences = true;
          if (isFirst) findings.add('corruption', `${place}: ${message}`);
        },
        stored: (entry) => {
          if (isFirst) this.#countStored(entry);
        },
        tableEnds: () => {
          this.#stored.next = 0;
        },
      },
      withRefcounts,
    );
  }

  #walk(): ReferenceWalk {
    const references = this.#references as ImageReferences;
    const { signal } = this.#settings;
    return new ReferenceWalk(this.#file, this.#header, entryFormat(this.#header), references, this.blocks, signal);
  }

  #countStored({ host, packedBytes }: ClusterEntry): void {
    const stored = this.#stored;
    stored.allocated++;
    if (packedBytes > 0) {
      stored.packed++;
      // They have to be read by sectors, even if they are neighbours.
      stored.fragmented++;
      return;
    }
    if (stored.next !== 0 && host !== stored.next) stored.fragmented++;
    stored.next = host + this.#clusterBytes;
  }

  async #countAll(fixer: ImageFixer | undefined): Promise<void> {
    const tally = new ClusterTally(this.#settings.memoryBytes);
    for (let pass = 0; ; pass++) {
      if (pass === passesMax) {
        throw unsupportedImage(
          `the image is scattered over so much of its file that ${passesMax} passes do not suffice`,
        );
      }
      await this.count(tally, true, pass === 0);
      await this.#compare(tally, fixer);
      if (tally.end === Number.POSITIVE_INFINITY) return;
      tally.next();
    }
  }

  async #compare(tally: ClusterTally, fixer: ImageFixer | undefined): Promise<void> {
    const reader = new RefcountReader(this.#file, this.blocks, this.bits, this.#clusterBytes);
    const { perBlock } = reader;
    const from = Math.floor(tally.first / perBlock);
    for (let index = from; index < this.blocks.length && index * perBlock < tally.end; index++) {
      this.#settings.signal?.throwIfAborted();
      if (this.blocks[index] === 0) continue;
      const view = await reader.block(index);
      const start = index * perBlock;
      for (let within = Math.max(0, tally.first - start); within < perBlock && start + within < tally.end; within++) {
        const refcount = this.bits.get(view, within);
        const references = tally.count(start + within);
        if (refcount === 0 && references === 0) continue;
        this.#lastCluster = Math.max(this.#lastCluster, start + within);
        if (refcount !== references) await this.#mismatch(start + within, refcount, references, fixer);
      }
    }
    // Clusters that are used, and have no block of refcounts.
    for (const [first, counts] of tally.runs()) {
      for (const [within, references] of counts.entries()) {
        const cluster = first + within;
        if (references === 0 || (this.blocks[Math.floor(cluster / perBlock)] ?? 0) !== 0) continue;
        this.needsRebuild = true;
        this.#lastCluster = Math.max(this.#lastCluster, cluster);
        await this.#mismatch(cluster, 0, references, fixer);
      }
    }
  }

  async #mismatch(cluster: number, refcount: number, references: number, fixer: ImageFixer | undefined): Promise<void> {
    await fixer?.refcount(cluster, refcount, references);
    const kind = refcount > references ? 'leak' : 'corruption';
    const name = kind === 'leak' ? 'leaked cluster' : 'cluster';
    this.findings.add(kind, `${name} ${cluster}: refcount ${refcount}, references ${references}`);
  }

  /** A cluster of the disk that nothing else uses has to be marked so, and no other: writers rely on it. */
  async #checkMarks(fixer: ImageFixer | undefined): Promise<void> {
    if (this.#references?.hasDataFile === true && this.blocks.length === 0) return;
    const reader = new RefcountReader(this.#file, this.blocks, this.bits, this.#clusterBytes);
    let entries: ActiveEntry[] = [];
    await this.#walk().run(
      {
        use: () => {},
        damaged: () => {},
        active: (entry) => entries.push(entry),
        tableEnds: async () => {
          const batch = entries;
          entries = [];
          for (const entry of batch) {
            const known = reader.known(entry.cluster);
            const refcount = known === undefined ? await reader.get(entry.cluster) : known;
            if (refcount === 0 || (refcount === 1) === entry.isOwn) continue;
            await fixer?.mark(entry, refcount === 1);
            const message = `the ${entry.table} entry at byte ${entry.place}: marked as ${entry.isOwn ? '' : 'not '}its own, refcount ${refcount}`;
            this.findings.add('corruption', message);
          }
        },
      },
      false,
    );
  }
}
