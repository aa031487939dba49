/** What the kernel shows of its devices in files (`/sys/block`). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An NBD device of the kernel. */
export interface ShownDevice {
  readonly index: number;
  /** In bytes; 0 while it is not attached. */
  readonly size: bigint;
  readonly isReadOnly: boolean;
  /** The thread that has attached it, which may have ended; `undefined` while it is not attached. */
  readonly thread: number | undefined;
  /** What was given as its identifier when it was attached. Linux 5.14 or later. */
  readonly identifier: string | undefined;
}

const sectorBytes = 512n;

/** The folder of devices. Tests give another one. */
export class DeviceFiles {
  readonly #folder: string;

  constructor(folder = '/sys/block') {
    this.#folder = folder;
  }

  /** Whether the driver is there: a module that is loaded, or a part of the kernel. */
  get hasDriver(): boolean {
    return this.indices.length > 0 || existsSync(join(this.#folder, '../module/nbd'));
  }

  /** The numbers of all devices, attached or not, in ascending order. */
  get indices(): readonly number[] {
    try {
      const found = readdirSync(this.#folder).flatMap((name) => /^nbd(\d+)$/.exec(name)?.[1] ?? []);
      return found.map(Number).sort((one, other) => one - other);
    } catch {
      return [];
    }
  }

  /** Returns what is known of a device; `undefined` when there is none of this number. */
  read(index: number): ShownDevice | undefined {
    const sectors = this.#text(index, 'size');
    if (sectors === undefined) return undefined;
    const thread = this.#text(index, 'pid');
    const identifier = this.#text(index, 'backend');
    return {
      index,
      size: BigInt(sectors) * sectorBytes,
      isReadOnly: this.#text(index, 'ro') === '1',
      thread: thread === undefined ? undefined : Number(thread),
      identifier: identifier === '' ? undefined : identifier,
    };
  }

  #text(index: number, name: string): string | undefined {
    try {
      return readFileSync(join(this.#folder, `nbd${index}`, name), 'utf8').trim();
    } catch {
      // Files of a device come and go with what attaches it.
      return undefined;
    }
  }
}

/**
 * Returns the process that a thread belongs to; `undefined` when it has ended. The kernel shows the thread that has attached a device, and in
 * Node that is not the first one.
 */
export function processOf(thread: number): number | undefined {
  try {
    const [, pid] = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8')) ?? [];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}
