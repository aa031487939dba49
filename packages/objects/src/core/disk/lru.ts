/** What was used last is kept, up to a cost. */
export class Lru<Value> {
  readonly #costMax: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly cost: number }>();
  #cost = 0;

  constructor(costMax: number) {
    this.#costMax = costMax;
  }

  /** The cost of all that is kept. */
  get cost(): number {
    return this.#cost;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  set(key: string, value: Value, cost: number): void {
    if (cost > this.#costMax) return;
    const old = this.#entries.get(key);
    if (old !== undefined) this.#cost -= old.cost;
    this.#entries.delete(key);
    this.#entries.set(key, { value, cost });
    this.#cost += cost;
    for (const [oldest, entry] of this.#entries) {
      if (this.#cost <= this.#costMax) return;
      this.#entries.delete(oldest);
      this.#cost -= entry.cost;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#cost = 0;
  }
}
