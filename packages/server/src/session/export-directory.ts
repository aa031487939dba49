/** The exports that one client has asked for, kept open while it chooses; and the list of all. */
import type { Refusal } from '@nbdjs/handshake';
import type { ExportEntry } from '@nbdjs/protocol';
import type { ClientDescription, Export, ExportProvider } from '../exports/export.ts';
import type { ServerSettings } from '../server-settings.ts';

type DirectoryLimits = Pick<ServerSettings, 'exportsOpenMax' | 'listEntriesMax' | 'listBytesMax'>;

export class ExportDirectory {
  readonly #provider: ExportProvider;
  readonly #limits: DirectoryLimits;
  /** By the names that were asked for; the oldest first. */
  readonly #opened = new Map<string, Promise<Export | undefined>>();

  constructor(provider: ExportProvider, limits: DirectoryLimits) {
    this.#provider = provider;
    this.#limits = limits;
  }

  /** Opens an export, once for each name: a client that asks twice gets the same answer (S8). Only some names are kept. */
  open(name: string, client: ClientDescription): Promise<Export | undefined> {
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const opening = (async () => this.#provider.open(name, client))();
    opening.catch(() => {});
    for (const [oldest, opened] of this.#opened) {
      if (this.#opened.size < this.#limits.exportsOpenMax) break;
      this.#opened.delete(oldest);
      release(opened);
    }
    this.#opened.set(name, opening);
    return opening;
  }

  /** An export that was opened before. */
  get(name: string): Promise<Export | undefined> | undefined {
    return this.#opened.get(name);
  }

  get canList(): boolean {
    return this.#provider.list !== undefined;
  }

  /** A list that would have to be cut is refused: the client would take the part for the whole. */
  async list(client: ClientDescription): Promise<readonly ExportEntry[] | Refusal> {
    const { listEntriesMax, listBytesMax } = this.#limits;
    const entries = (await this.#provider.list?.(client)) ?? [];
    // A character has at least one byte.
    const bytesMin = entries.reduce((sum, { name, description }) => sum + name.length + description.length, 0);
    if (entries.length <= listEntriesMax && bytesMin <= listBytesMax) return entries;
    return { refusal: 'too-big', text: `${entries.length} exports are too many to be listed` };
  }

  releaseAll(): void {
    for (const opened of this.#opened.values()) release(opened);
    this.#opened.clear();
  }
}

function release(opened: Promise<Export | undefined>): void {
  void opened.then(
    (one) => one?.release?.(),
    () => {},
  );
}
