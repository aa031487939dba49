/** Tables of an image, read by pages when they are needed, so that opening is quick and memory is bounded whatever the image's size. */
import { CommandError } from '@nbdjs/interfaces';
import type { FileBytes } from './image-file.ts';

/** 8 KiB: four grain tables of VMDK, a thousand blocks of VHDX. */
const usualPageBytes = 8192;

/** Pages of a file; those that were used last are kept. */
export class PageCache {
  /** The length of a page, in bytes. */
  readonly pageBytes: number;
  readonly #file: FileBytes;
  readonly #pagesMax: number;
  readonly #pages = new Map<number, DataView | Promise<DataView>>();

  /**
   * @param bytesMax how much is kept at most, in bytes
   * @param pageBytes the length of a page, in bytes; a power of two
   */
  constructor(file: FileBytes, bytesMax: number, pageBytes: number = usualPageBytes) {
    this.pageBytes = pageBytes;
    this.#file = file;
    this.#pagesMax = Math.max(8, Math.floor(bytesMax / pageBytes));
  }

  /**
   * The page that has the byte at `offset`. Numbers that are aligned to their size never cross the end of one.
   *
   * @throws CommandError `EIO` when the place is past the end of the file.
   */
  page(offset: number): DataView | Promise<DataView> {
    const index = Math.floor(offset / this.pageBytes);
    const found = this.#use(index);
    if (found !== undefined) return found;
    const loading: Promise<DataView> = this.#load(index).then(
      (view) => {
        if (this.#pages.get(index) === loading) this.#pages.set(index, view);
        return view;
      },
      (error: unknown) => {
        if (this.#pages.get(index) === loading) this.#pages.delete(index);
        throw error;
      },
    );
    this.keep(index, loading);
    return loading;
  }

  /** Keeps a page, instead of the one that was kept under its number. */
  protected keep(index: number, page: DataView | Promise<DataView>): void {
    this.#pages.delete(index);
    this.#pages.set(index, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= this.#pagesMax) break;
      this.#pages.delete(oldest);
    }
  }

  /** The same page if it is in memory already: for looks that do not wait, and cannot report a failure. */
  loaded(offset: number): DataView | undefined {
    const found = this.#use(Math.floor(offset / this.pageBytes));
    return found instanceof Promise ? undefined : found;
  }

  /** Where in its page a byte is. */
  within(offset: number): number {
    return offset % this.pageBytes;
  }

  /** How many entries from `offset` on are in the same page. */
  entriesFrom(offset: number, entryBytes: number): number {
    return (this.pageBytes - (offset % this.pageBytes)) / entryBytes;
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
    const start = index * this.pageBytes;
    if (start >= this.#file.size) {
      throw new CommandError('EIO', `the image is damaged: a table at byte ${start} is past the end of the file`);
    }
    // The file may end within the page; an entry behind its end reads as zero.
    const bytes = new Uint8Array(this.pageBytes);
    await this.#file.read(start, bytes.subarray(0, Math.min(this.pageBytes, this.#file.size - start)));
    return new DataView(bytes.buffer);
  }
}
