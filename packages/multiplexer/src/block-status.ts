/** Block status replies, gathered into extents per context. */
import { type Extent, limits, type MetaContextExtents, ProtocolError, type SelectedContext } from '@nbdjs/interfaces';
import type { StatusSink } from './task.ts';

/** Gathers the extents of one request. */
export class StatusCollector implements StatusSink {
  readonly #asked: readonly SelectedContext[];
  readonly #offset: bigint;
  readonly #end: bigint;
  readonly #byId = new Map<number, Extent[]>();
  #current: Extent[] = [];
  #position = 0n;

  /** `asked` are the contexts that the server reports; each has to come exactly once (checklist S62). */
  constructor(asked: readonly SelectedContext[], offset: bigint, length: bigint) {
    this.#asked = asked;
    this.#offset = offset;
    this.#end = offset + length;
  }

  begin(contextId: number, count: number): void {
    if (!this.#asked.some(({ id }) => id === contextId)) {
      throw violation('unknown-context', `a block status is of context ${contextId}, which was not selected`);
    }
    if (this.#byId.has(contextId))
      throw violation('repeated-context', `a block status comes twice for context ${contextId}`);
    if (count > limits.replyExtentsMax) throw violation('too-many-extents', `a block status has ${count} extents`);
    this.#current = [];
    this.#byId.set(contextId, this.#current);
    this.#position = this.#offset;
  }

  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void {
    const length = wide(lengthHigh, lengthLow);
    if (length === 0n) throw violation('empty-extent', 'a block status has an extent of no bytes');
    const offset = this.#position;
    this.#position += length;
    // The last extent may reach past what was asked for, and so may what an older server sends behind it.
    if (offset >= this.#end) return;
    const inside = this.#position > this.#end ? this.#end - offset : length;
    const status = wide(statusHigh, statusLow);
    const last = this.#current.at(-1);
    if (last !== undefined && last.status === status) {
      this.#current[this.#current.length - 1] = { offset: last.offset, length: last.length + inside, status };
    } else {
      this.#current.push({ offset, length: inside, status });
    }
  }

  end(): void {
    for (const { id, name } of this.#asked) {
      if (!this.#byId.has(id)) throw violation('missing-context', `a block status leaves out the context ${name}`);
    }
  }

  /** The contexts among `wanted`, in the server's order; only the first extent of each with `one`. */
  result(wanted: readonly string[], one: boolean): readonly MetaContextExtents[] {
    return this.#asked
      .filter(({ name }) => wanted.includes(name))
      .map(({ id, name }) => {
        const extents = this.#byId.get(id) ?? [];
        return { context: name, extents: one ? extents.slice(0, 1) : extents };
      });
  }
}

function wide(high: number, low: number): bigint {
  return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
}

function violation(name: string, message: string): ProtocolError {
  return new ProtocolError(name, message, { phase: 'transmission', rule: 'S62' });
}
