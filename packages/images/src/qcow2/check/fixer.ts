/** Changes refcounts and marks in the file, as a check finds them wrong. */
import type { WritableFile } from '../../device/writable-file.ts';
import type { Qcow2Header } from '../header.ts';
import { Refcounts } from '../write/refcounts.ts';
import { Stage, TablePages } from '../write/table-pages.ts';
import type { RepairLevel } from './findings.ts';
import type { ImageFixer } from './image-check.ts';
import type { ActiveEntry } from './reference-walk.ts';

/** Pages that are changed, and stored when they are more, in bytes. */
const changedBytesMax = 16 * 2 ** 20;
/** The mark is the highest bit of an entry. */
const ownBit = 0x80;

export class Fixer implements ImageFixer {
  readonly #file: WritableFile;
  readonly #level: RepairLevel;
  readonly #mayFree: boolean;
  readonly #pages: TablePages;
  readonly #refcounts: Promise<Refcounts>;

  /** `mayFree`: all references could be read, so that what seems to be used by nothing is. */
  constructor(file: WritableFile, header: Qcow2Header, level: RepairLevel, mayFree: boolean) {
    this.#file = file;
    this.#level = level;
    this.#mayFree = mayFree;
    this.#pages = new TablePages(file, changedBytesMax, 2 ** header.clusterBits);
    // What is damaged in the table itself counts as missing; it was rebuilt before if that was wanted.
    this.#refcounts = Refcounts.read(file, this.#pages, header, undefined, () => {});
  }

  async refcount(cluster: number, refcount: number, references: number): Promise<void> {
    const refcounts = await this.#refcounts;
    const isLeak = refcount > references;
    if (isLeak ? !this.#mayFree : this.#level !== 'all') return;
    if (!refcounts.hasBlock(cluster) || references > refcounts.bits.max) return;
    await refcounts.set(cluster, references);
    if (this.#pages.changedBytes > changedBytesMax) await this.store();
  }

  refcountsEnd(): Promise<void> {
    return this.store();
  }

  async mark({ place }: ActiveEntry, isOwn: boolean): Promise<void> {
    if (this.#level !== 'all') return;
    await this.#pages.visit(place, (view) => {
      const at = this.#pages.within(place);
      view.setUint8(at, (view.getUint8(at) & ~ownBit) | (isOwn ? ownBit : 0));
      this.#pages.touch(place, view, Stage.References);
    });
    if (this.#pages.changedBytes > changedBytesMax) await this.store();
  }

  /** Each change is right by itself, so the order does not matter. */
  async store(): Promise<void> {
    await this.#refcounts;
    const taken = this.#pages.take(() => true);
    for (const { offset, bytes } of taken) await this.#file.write(offset, bytes);
    this.#pages.stored(taken);
    await this.#file.flush();
  }
}
