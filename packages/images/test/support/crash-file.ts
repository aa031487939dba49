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

/**
 * The file after a crash: all up to the last flush, and of the rest some sectors, by chance. Steps are given one by one. What a crash leaves is made
 * in place, and undone: a copy of the file for each of a hundred thousand crashes would be most of a run.
 */
export class CrashedFile {
  readonly #image: ImageBytes;
  #open: Step[] = [];

  constructor(bytes: Uint8Array) {
    this.#image = new ImageBytes(bytes);
  }

  /** One more step has happened. */
  add(step: Step): void {
    if (step.kind !== 'flush') {
      this.#open.push(step);
      return;
    }
    for (const one of this.#open) this.#image.apply(one, () => true);
    this.#image.keep();
    this.#open = [];
  }

  /** Hands what the disk has if there is a crash now to `use`; it is as it was when that has ended. */
  async after(random: () => number, use: (image: ImageBytes) => Promise<void>): Promise<void> {
    const chance = random();
    for (const step of this.#open) {
      // Whole steps are lost, and parts of others.
      if (random() < chance) continue;
      const sectors = random() < 0.5 ? 1 : random();
      this.#image.apply(step, () => random() < sectors);
    }
    try {
      await use(this.#image);
    } finally {
      this.#image.undo();
    }
  }
}

/** The bytes of a file, and what they were before steps were applied to them. */
export class ImageBytes {
  /** Zeroes behind the end. */
  #room: Uint8Array;
  #length: number;
  #before: { readonly length: number; readonly offset: number; readonly bytes: Uint8Array }[] = [];

  constructor(bytes: Uint8Array) {
    this.#room = bytes.slice();
    this.#length = bytes.length;
  }

  /** As they are now, until the next step; they are not to be changed. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  /** Steps up to now are not undone any more. */
  keep(): void {
    this.#before = [];
  }

  /** Undoes all steps since `keep`. */
  undo(): void {
    for (const { length, offset, bytes } of this.#before.reverse()) {
      this.#room.set(bytes, offset);
      this.#length = length;
    }
    this.#before = [];
  }

  apply(step: Step, isKept: () => boolean): void {
    if (step.kind === 'flush') return;
    if (step.kind === 'resize') {
      this.#resize(step.size);
      return;
    }
    const length = step.kind === 'write' ? step.bytes.length : step.length;
    const end = step.offset + length;
    // A write behind the end that was lost with the change of the length makes the file longer again.
    if (end > this.#length) this.#resize(end);
    this.#remember(step.offset, length);
    for (let at = 0; at < length; at += sectorBytes) {
      if (!isKept()) continue;
      const place = step.offset + at;
      if (step.kind === 'write') this.#room.set(step.bytes.subarray(at, at + sectorBytes), place);
      else this.#room.fill(0, place, Math.min(end, place + sectorBytes));
    }
  }

  #resize(size: number): void {
    this.#remember(size, Math.max(0, this.#length - size));
    this.#room.fill(0, size, this.#length);
    if (size > this.#room.length) {
      const room = new Uint8Array(2 * size);
      room.set(this.bytes);
      this.#room = room;
    }
    this.#length = size;
  }

  #remember(offset: number, length: number): void {
    this.#before.push({ length: this.#length, offset, bytes: this.#room.slice(offset, offset + length) });
  }
}

/** A device over bytes that can only be read. It stays when it is closed. */
export class ReadableImage implements BlockDevice {
  readonly #bytes: Uint8Array;
  readonly geometry: Geometry;
  readonly abilities: BlockDevice['abilities'];

  constructor(bytes: Uint8Array) {
    const { geometry, abilities } = createMemoryDevice({ size: 0 });
    this.#bytes = bytes;
    this.geometry = { ...geometry, size: BigInt(bytes.length) };
    this.abilities = { ...abilities, readOnly: true };
  }

  read(offset: Offset, target: Uint8Array): void {
    target.set(this.#bytes.subarray(Number(offset), Number(offset) + target.length));
  }

  write = refuse;
  writeZeroes = refuse;
  trim = refuse;
  flush(): void {}
  cache(): void {}

  blockStatus(): never {
    throw new Error('the file of an image is not asked where it has holes');
  }

  async close(): Promise<void> {}
}

function refuse(): never {
  throw new Error('it can only be read');
}
