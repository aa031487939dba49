/** Tables of an image, read by pages when they are needed, so that opening is quick and memory is bounded whatever the image's size. */
import { CommandError } from '@nbdjs/interfaces';
import type { FileBytes } from './image-file.ts';

/** 8 KiB: four grain tables of VMDK, a thousand blocks of VHDX. */
const pageBytes = 8192;

/** Pages of a file; those that were used last are kept. */
export class PageCache {
  readonly #file: FileBytes;
  readonly #pagesMax: number;
  readonly #pages = new Map<number, DataView | Promise<DataView>>();

  /** `bytesMax`: how much is kept at most, in bytes. */
  constructor(file: FileBytes, bytesMax: number) {
    this.#file = file;
    this.#pagesMax = Math.max(8, Math.floor(bytesMax / pageBytes));
  }

  /**
   * The page that has the byte at `offset`. Numbers that are aligned to their size never cross the end of one.
   *
   * @throws CommandError `EIO` when the place is past the end of the file.
   */
  page(offset: number): DataView | Promise<DataView> {
    const index = Math.floor(offset / pageBytes);
    const found = this.#use(index);
    if (found !== undefined) return found;
    const loading = this.#load(index);
    this.#pages.set(index, loading);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.#pagesMax) break;
      this.#pages.delete(oldest);
    }
    return loading;
  }

  /** The same page if it is in memory already: for looks that do not wait, and cannot report a failure. */
  loaded(offset: number): DataView | undefined {
    const found = this.#use(Math.floor(offset / pageBytes));
    return found instanceof Promise ? undefined : found;
  }

  /** Where in its page a byte is. */
  within(offset: number): number {
    return offset % pageBytes;
  }

  /** How many entries from `offset` on are in the same page. */
  entriesFrom(offset: number, entryBytes: number): number {
    return (pageBytes - (offset % pageBytes)) / entryBytes;
  }

  /** Looks a page up, and makes it the one that was used last. */
  #use(index: number): DataView | Promise<DataView> | undefined {
    const found = this.#pages.get(index);
    if (found === undefined) return undefined;
    this.#pages.delete(index);
    this.#pages.set(index, found);
    return found;
  }

  async #load(index: number): Promise<DataView> {
    try {
      const start = index * pageBytes;
      if (start >= this.#file.size) {
        throw new CommandError('EIO', `the image is damaged: a table at byte ${start} is past the end of the file`);
      }
      // The file may end within the page; an entry behind its end reads as zero.
      const bytes = new Uint8Array(pageBytes);
      await this.#file.read(start, bytes.subarray(0, Math.min(pageBytes, this.#file.size - start)));
      const view = new DataView(bytes.buffer);
      if (this.#pages.has(index)) this.#pages.set(index, view);
      return view;
    } catch (error) {
      this.#pages.delete(index);
      throw error;
    }
  }
}
