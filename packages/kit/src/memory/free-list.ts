/** Objects that are used again and again, because new ones cost more. */

/** The item that was given back last is used first: its memory is probably still in the processor's cache. */
export class FreeList<Item> {
  readonly #create: () => Item;
  readonly #spareMax: number;
  readonly #spares: Item[] = [];

  /** `spareMax`: items that are kept while they are not in use. */
  constructor(create: () => Item, spareMax: number = Number.POSITIVE_INFINITY) {
    this.#create = create;
    this.#spareMax = spareMax;
  }

  /** Returns an item that was given back, in the state that it was left in, or a new one. */
  take(): Item {
    return this.#spares.pop() ?? this.#create();
  }

  /** Takes back an item that is not in use any more. */
  giveBack(item: Item): void {
    if (this.#spares.length < this.#spareMax) this.#spares.push(item);
  }
}
