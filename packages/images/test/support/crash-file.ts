/** A file that remembers what was written when, so that a crash can be tried at any moment. */
import type { BlockDevice, DeviceResizing, Geometry, Offset } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';

/** What happens to the file. */
export type Step =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'zero'; readonly offset: number; readonly length: number }
  | { readonly kind: 'resize'; readonly size: number }
  | { readonly kind: 'flush' };

const sectorBytes = 512;

/** A device in memory that stays when it is closed. Requests end in a later turn, so that others come between. */
export class CrashFile implements BlockDevice, DeviceResizing {
  readonly resizing: DeviceResizing = this;
  readonly steps: Step[] = [];
  readonly #inner = createMemoryDevice({ size: 0 });
  readonly abilities = this.#inner.abilities;
  /** Requests that fail from now on, by their kind. */
  failing: ((kind: Step['kind']) => boolean) | undefined;

  static async of(bytes: Uint8Array): Promise<CrashFile> {
    const file = new CrashFile();
    await file.#inner.resizing?.resize(bytes.length);
    await file.#inner.write(0, bytes);
    return file;
  }

  get geometry(): Geometry {
    return this.#inner.geometry;
  }

  async #turn(kind: Step['kind']): Promise<void> {
    await Promise.resolve();
    if (this.failing?.(kind) === true) throw Object.assign(new Error(`${kind} fails`), { code: 'EIO' });
  }

  async resize(size: Offset): Promise<void> {
    await this.#turn('resize');
    this.steps.push({ kind: 'resize', size: Number(size) });
    await this.#inner.resizing?.resize(size);
  }

  async read(offset: Offset, target: Uint8Array): Promise<void> {
    await Promise.resolve();
    await this.#inner.read(offset, target);
  }

  async write(offset: Offset, source: Uint8Array): Promise<void> {
    await this.#turn('write');
    this.steps.push({ kind: 'write', offset: Number(offset), bytes: source.slice() });
    await this.#inner.write(offset, source);
  }

  async writeZeroes(offset: Offset, length: Offset): Promise<void> {
    await this.#turn('zero');
    this.steps.push({ kind: 'zero', offset: Number(offset), length: Number(length) });
    await this.#inner.writeZeroes(offset, length);
  }

  /** What is trimmed has other bytes afterwards, so that none of them can be counted on. */
  async trim(offset: Offset, length: Offset): Promise<void> {
    await this.write(offset, new Uint8Array(Number(length)).fill(0xdd));
  }

  async flush(): Promise<void> {
    await this.#turn('flush');
    this.steps.push({ kind: 'flush' });
  }

  cache(): void {}

  blockStatus(offset: Offset, length: Offset) {
    return this.#inner.blockStatus(offset, length);
  }

  async close(): Promise<void> {}

  /** All bytes, as they are now. */
  async bytes(): Promise<Uint8Array> {
    const bytes = new Uint8Array(Number(this.geometry.size));
    await this.#inner.read(0, bytes);
    return bytes;
  }
}

/** The file after a crash: all up to the last flush, and of the rest some sectors, by chance. Steps are given one by one. */
export class CrashedFile {
  #safe: Uint8Array<ArrayBufferLike>;
  #open: Step[] = [];

  constructor(bytes: Uint8Array) {
    this.#safe = bytes.slice();
  }

  /** One more step has happened. */
  add(step: Step): void {
    if (step.kind !== 'flush') {
      this.#open.push(step);
      return;
    }
    for (const one of this.#open) this.#safe = applied(this.#safe, one, () => true);
    this.#open = [];
  }

  /** What the disk has if there is a crash now. */
  after(random: () => number): Uint8Array {
    const chance = random();
    let bytes: Uint8Array<ArrayBufferLike> = this.#safe.slice();
    for (const step of this.#open) {
      // Whole steps are lost, and parts of others.
      if (random() < chance) continue;
      const sectors = random() < 0.5 ? 1 : random();
      bytes = applied(bytes, step, () => random() < sectors);
    }
    return bytes;
  }
}

function applied(bytes: Uint8Array<ArrayBufferLike>, step: Step, isKept: () => boolean): Uint8Array<ArrayBufferLike> {
  if (step.kind === 'flush') return bytes;
  if (step.kind === 'resize') {
    const resized = new Uint8Array(step.size);
    resized.set(bytes.subarray(0, step.size));
    return resized;
  }
  const source = step.kind === 'write' ? step.bytes : new Uint8Array(step.length);
  const end = step.offset + source.length;
  // A write behind the end that was lost with the change of the length makes the file longer again.
  let whole: Uint8Array<ArrayBufferLike> = bytes;
  if (end > whole.length) {
    whole = new Uint8Array(end);
    whole.set(bytes);
  }
  for (let at = 0; at < source.length; at += sectorBytes) {
    if (isKept()) whole.set(source.subarray(at, at + sectorBytes), step.offset + at);
  }
  return whole;
}
