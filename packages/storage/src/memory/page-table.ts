/**
 * The pages of a device in memory, by their numbers. A table with two levels: neighbouring pages share a plain array,
 * which is quicker to look into than a map with an entry for every page, and a device of any size takes memory only for what is used of it.
 */

const directoryBits = 10;
const directoryPages = 2 ** directoryBits;

type Directory<Page> = (Page | undefined)[];

export class PageTable<Page extends object> {
  readonly #directories = new Map<number, Directory<Page>>();
  /** The directory that was used last, and its number. */
  #recent: Directory<Page> | undefined;
  #recentNumber = -1;
  #count = 0;

  /** Pages that are there. */
  get size(): number {
    return this.#count;
  }

  get(page: number): Page | undefined {
    const number = Math.floor(page / directoryPages);
    if (number !== this.#recentNumber) {
      this.#recent = this.#directories.get(number);
      this.#recentNumber = number;
    }
    return this.#recent?.[page % directoryPages];
  }

  has(page: number): boolean {
    return this.get(page) !== undefined;
  }

  set(page: number, content: Page): void {
    const number = Math.floor(page / directoryPages);
    let directory = this.#directories.get(number);
    if (directory === undefined) {
      directory = new Array<Page | undefined>(directoryPages).fill(undefined);
      this.#directories.set(number, directory);
      this.#recentNumber = -1;
    }
    if (directory[page % directoryPages] === undefined) this.#count++;
    directory[page % directoryPages] = content;
  }

  delete(page: number): void {
    const number = Math.floor(page / directoryPages);
    const directory = this.#directories.get(number);
    if (directory?.[page % directoryPages] === undefined) return;
    directory[page % directoryPages] = undefined;
    this.#count--;
    if (directory.some((content) => content !== undefined)) return;
    this.#directories.delete(number);
    this.#recentNumber = -1;
  }

  /** The numbers of all pages that are there, in no order. */
  *keys(): Generator<number> {
    for (const [number, directory] of this.#directories) {
      for (let index = 0; index < directoryPages; index++) {
        if (directory[index] !== undefined) yield number * directoryPages + index;
      }
    }
  }

  clear(): void {
    this.#directories.clear();
    this.#recentNumber = -1;
    this.#count = 0;
  }
}
