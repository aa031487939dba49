/** Which backup a copy holds: what keeps changes from being applied in the wrong order. */
import { type CheckpointStore, UsageError } from '@nbdjs/interfaces';
import type { ChangesStart } from './entry.ts';
import { changesIdForm } from './format.ts';

const format = 'nbdjs copy state 1';
/** A state takes a hundred characters; a longer text is something else. */
const textLengthMax = 4096;

/** What a copy holds. */
export interface HeldBackup {
  /** The backup that it holds, all of it; `undefined` before the first is complete. */
  readonly id?: string | undefined;
  /** The backup that is being written over it, or was when a copy failed. */
  readonly next?: string | undefined;
}

/** The state of one copy, kept in a store beside it. */
export class CopyState {
  readonly #store: CheckpointStore;
  #held: HeldBackup | undefined;

  constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /**
   * Returns what the copy holds; `undefined` where nothing was noted yet.
   *
   * @throws UsageError when the store holds something else.
   */
  async load(): Promise<HeldBackup | undefined> {
    const text = await this.#store.load();
    if (text === undefined) return undefined;
    const held = text.length > textLengthMax ? undefined : parse(text);
    if (held === undefined) {
      throw new UsageError('ERR_NBD_ARGUMENT', `${this.#store.name} is not the state of a copy, and stays unchanged`);
    }
    this.#held = held;
    return held;
  }

  /** Notes that a backup is being written over the copy, which is a mixture until `complete`. */
  async begin(id: string): Promise<void> {
    await this.#save({ id: this.#held?.id, next: id });
  }

  /** Notes that the copy holds the backup that was begun. */
  async complete(id: string): Promise<void> {
    await this.#save({ id });
  }

  /**
   * Checks whether changes belong on the copy as it is.
   *
   * @throws UsageError when they belong on another backup, or when other changes have to be completed first; as `load` does.
   */
  async requireFits(changes: ChangesStart): Promise<void> {
    const held = await this.load();
    if (changes.isFull) return;
    const { name } = this.#store;
    const { id, parent } = changes;
    if (held?.next !== undefined && held.next !== id) {
      throw refusal(`${name}: a copy of ${held.next} did not end; apply that one first, not ${id}`);
    }
    // To apply the same once more changes nothing.
    if (held?.next === id || held?.id === id) return;
    if (parent === undefined) throw refusal(`${name}: the changes do not say which backup they follow (--after)`);
    if (held?.id === parent) return;
    throw refusal(
      `${name}: the changes follow the backup ${parent}, and the copy holds ${held?.id ?? 'none that is known'}`,
    );
  }

  async #save(held: HeldBackup): Promise<void> {
    await this.#store.save(`${JSON.stringify({ format, ...held }, null, 2)}\n`);
    this.#held = held;
  }
}

function refusal(message: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', message);
}

function parse(text: string): HeldBackup | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format: found, id, next } = value as Readonly<Record<string, unknown>>;
  return found === format && isIdOrNone(id) && isIdOrNone(next) ? { id, next } : undefined;
}

function isIdOrNone(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && changesIdForm.test(value));
}
