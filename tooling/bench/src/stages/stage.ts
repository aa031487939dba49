/** The servers, files and folders that a part needs. */
import type { Generation } from '@nbdjs/peers';
import type { Cell } from '../measuring/cell.ts';
import type { Candidate } from '../measuring/run.ts';
import type { Pinning } from '../processes/pinning.ts';

/** How everything is measured. */
export interface Setting {
  /** Of the servers. Clients are those of the machine. */
  readonly generation: Generation;
  /** Of one run of a load. */
  readonly seconds: number;
  readonly pinning: Pinning;
}

export interface Stage extends AsyncDisposable {
  /** A candidate of a cell, or the reason why it is not there. */
  candidate(cell: Cell, name: string): Candidate | string | Promise<Candidate | string>;
}

/** Starts what the cells of a part need. */
export type OpenStage = (setting: Setting) => Promise<Stage>;

/** What is to be closed again, in reverse order. */
export class Resources implements AsyncDisposable {
  readonly #all: (Disposable | AsyncDisposable)[] = [];

  use<Resource extends Disposable | AsyncDisposable>(resource: Resource): Resource {
    this.#all.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#all.splice(0).reverse()) {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    }
  }
}

/** A stage from what `build` opens, which is closed again also when it fails half-way. */
export async function openStage(build: (resources: Resources) => Promise<Stage['candidate']>): Promise<Stage> {
  const resources = new Resources();
  try {
    const candidate = await build(resources);
    return { candidate, [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose]() };
  } catch (error) {
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}

/** The load of a cell whose operation is `read` or `write`. */
export function loadOf({ operation, depth = 1, blockBytes = 4096 }: Cell): {
  readonly command: 'read' | 'write';
  readonly depth: number;
  readonly blockBytes: number;
} {
  return { command: operation === 'write' ? 'write' : 'read', depth, blockBytes };
}
