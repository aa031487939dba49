/** The fields of a header that change while an image is open: one sector, so that a change is stored as a whole or not at all. */
import type { WritableFile } from '../../device/writable-file.ts';

/** Fields, by where they are in the header. Numbers beside bigints: how many bytes they have. */
const places = {
  virtualBytes: { at: 24, bytes: 8 },
  l1Entries: { at: 36, bytes: 4 },
  l1Offset: { at: 40, bytes: 8 },
  refcountTableOffset: { at: 48, bytes: 8 },
  refcountTableClusters: { at: 56, bytes: 4 },
  incompatible: { at: 72, bytes: 8 },
  compatible: { at: 80, bytes: 8 },
  autoclear: { at: 88, bytes: 8 },
} as const;

/** New values of fields. */
export type HeaderChange = Partial<Record<keyof typeof places, bigint>>;

/** A change that waits for the moment at which it may be stored. */
export class PendingHeaderChange {
  #change: HeaderChange | undefined;

  set(change: HeaderChange): void {
    this.#change = change;
  }

  /** Gives the change away, once. */
  take(): HeaderChange | undefined {
    const change = this.#change;
    this.#change = undefined;
    return change;
  }

  /** What was taken could not be stored: a later change counts instead, if there is one. */
  restore(change: HeaderChange | undefined): void {
    this.#change ??= change;
  }
}

/** The first sector has all fields that change. */
const sectorBytes = 512;

export class HeaderFields {
  readonly #file: WritableFile;
  readonly #bytes: Uint8Array;
  /** Changes wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: WritableFile, bytes: Uint8Array) {
    this.#file = file;
    this.#bytes = bytes;
  }

  static async read(file: WritableFile): Promise<HeaderFields> {
    const bytes = new Uint8Array(Math.min(file.size, Math.max(sectorBytes, file.blockBytes)));
    await file.read(0, bytes);
    return new HeaderFields(file, bytes);
  }

  /** Stores new values. They are on stable storage after a flush of the file. */
  store(change: HeaderChange): Promise<void> {
    const storing = this.#last.then(async () => {
      const next = this.#bytes.slice();
      const view = new DataView(next.buffer);
      for (const [name, value] of Object.entries(change)) {
        const { at, bytes } = places[name as keyof typeof places];
        if (bytes === 8) view.setBigUint64(at, value);
        else view.setUint32(at, Number(value));
      }
      await this.#file.write(0, next);
      this.#bytes.set(next);
    });
    this.#last = storing.catch(() => {});
    return storing;
  }
}
