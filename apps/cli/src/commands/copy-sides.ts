/** The two sides of a copy: what an operand stands for, opened. */
import { fstatSync, type Stats } from 'node:fs';
import { readFile, stat, truncate } from 'node:fs/promises';
import type { NbdClient } from '@nbdjs/client';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createNullDevice, createRetryLayer, createSliceLayer, openFileDevice } from '@nbdjs/storage';
import { describeOperand, type Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { openServer, type ServerOperand } from '../open.ts';
import type { Terminal } from '../terminal.ts';
import { type ByteSource, type ByteTarget, byteSource, byteTarget, descriptorOf } from './copy-streams.ts';

/** What is tried again is told of so often at most, in milliseconds. */
const retryNoteMs = 1000;

export interface DeviceSide {
  readonly type: 'device';
  readonly device: BlockDevice;
  /** The operand as it was written. */
  readonly name: string;
  /** It reads as zeroes throughout. */
  readonly isZero: boolean;
  /** Has the server, if it is one, spoken to by so many connections. */
  readonly widen?: ((connections: number) => void) | undefined;
  /** What a file can be told from others by. */
  readonly stats?: Stats | undefined;
  /** The file is as long as what has come of a stream, and is given each new size in bytes. */
  readonly grow?: ((size: bigint) => Promise<void>) | undefined;
  /** How many connections to the server, if it is one, have been of use. */
  readonly connections?: (() => number) | undefined;
}

export interface StreamSource {
  readonly type: 'stream';
  readonly source: ByteSource;
}

export interface StreamTarget {
  readonly type: 'stream';
  readonly target: ByteTarget;
}

export type SourceSide = DeviceSide | StreamSource;
export type TargetSide = DeviceSide | StreamTarget;

/** `retries` are also how often a request that has failed is tried again. */
export interface SideOptions extends ServerWords {
  /** The destination will be read, too. */
  readonly verify: boolean;
  /** The destination file, if there is one, holds a part of the copy. */
  readonly isResumed: boolean;
  /** Whether the source's map is asked for. */
  readonly extents: boolean;
  /** What the destination holds does not matter: it counts as zeroes. */
  readonly destinationIsZero: boolean;
  /** Say nothing but errors. */
  readonly quiet: boolean;
}

/** Opens sides, and closes all of them again. */
export class Sides {
  readonly #options: SideOptions;
  readonly #terminal: Terminal;
  readonly #opened: BlockDevice[] = [];
  readonly #sources: ByteSource[] = [];

  constructor(options: SideOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
  }

  async source(operand: Operand): Promise<SourceSide> {
    switch (operand.type) {
      case 'uri':
      case 'command':
        // A map that nobody looks at is not asked for.
        return this.#server(operand, this.#options.extents ? [baseAllocation] : []);
      case 'stdio':
        return this.#sourceOf(0, '-');
      case 'file': {
        const fd = descriptorOf(operand.path);
        if (fd !== undefined) return this.#sourceOf(fd, operand.path);
        if (!(await isStream(operand.path))) return this.#file(operand.path, operand.path, {});
        return this.#sourceStream(operand.path);
      }
      case 'null':
        throw new UsageError('ERR_NBD_ARGUMENT', "'null:' can only be the destination");
    }
  }

  async destination(operand: Operand, from: SourceSide): Promise<TargetSide> {
    switch (operand.type) {
      case 'uri':
      case 'command':
        return this.#server(operand, this.#options.verify ? [baseAllocation] : []);
      case 'stdio':
        return { type: 'stream', target: await byteTarget(1, this.#terminal) };
      case 'null':
        return { type: 'device', device: this.#keep(createNullDevice()), name: 'null:', isZero: true };
      case 'file': {
        const of = descriptorOf(operand.path) ?? operand.path;
        const isPlain = typeof of === 'string' && !(await isStream(of));
        if (!isPlain) return { type: 'stream', target: await byteTarget(of, this.#terminal) };
        return this.#file(operand.path, operand.path, { from });
      }
    }
  }

  /** A descriptor that is a file can be read like one, from where it stands. */
  async #sourceOf(fd: number, name: string): Promise<SourceSide> {
    if (process.platform !== 'linux' || !isFile(fd)) return this.#sourceStream(fd);
    let side: DeviceSide;
    try {
      side = await this.#file(`/proc/self/fd/${fd}`, name, {});
    } catch {
      // It may have been opened by somebody who was allowed to do more.
      return this.#sourceStream(fd);
    }
    const position = await positionOf(fd);
    if (position === 0n) return side;
    const { size } = side.device.geometry;
    const offset = position < size ? position : size;
    return { ...side, device: createSliceLayer(side.device, { offset }) };
  }

  async #sourceStream(of: number | string): Promise<StreamSource> {
    const source = await byteSource(of, this.#terminal);
    this.#sources.push(source);
    return { type: 'stream', source };
  }

  /** Closes everything in good order, and tells of what goes wrong with that. */
  async close(): Promise<void> {
    for (const device of this.#opened) await device.close();
  }

  /** Ends everything now; what is under way fails. */
  destroy(cause?: Error): void {
    for (const source of this.#sources) source.close();
    for (const device of this.#opened) {
      if ('destroy' in device && typeof device.destroy === 'function') device.destroy(cause);
    }
  }

  #keep<Device extends BlockDevice>(device: Device): Device {
    this.#opened.push(device);
    return device;
  }

  async #server(operand: ServerOperand, contexts: readonly string[]): Promise<DeviceSide> {
    const client: NbdClient = await openServer(operand, this.#options, this.#terminal, { contexts });
    this.#keep(client);
    const canWiden = operand.type === 'uri' && client.abilities.multiConn;
    return {
      type: 'device',
      device: this.#persistent(client),
      name: describeOperand(operand),
      isZero: false,
      widen: canWiden ? (connections) => client.widen(connections) : undefined,
      connections: () => client.statistics.connections,
    };
  }

  async #file(path: string, name: string, target: { readonly from?: SourceSide }): Promise<DeviceSide> {
    const { from } = target;
    if (from === undefined) {
      const device = this.#keep(await openFileDevice(path, { readOnly: true }));
      return { type: 'device', device: this.#persistent(device), name, isZero: false, stats: await stat(path) };
    }
    const { isResumed, destinationIsZero } = this.#options;
    // As long as the source, whatever it was before; and where it is to count as zeroes, it has to be.
    const size = from.type === 'device' ? from.device.geometry.size : 0n;
    if (destinationIsZero && !isResumed) await shorten(path, from);
    const device = this.#keep(await openFileDevice(path, { create: !isResumed, size, truncate: true }));
    const { resizing } = device;
    const grow =
      from.type === 'stream' && resizing !== undefined ? async (next: bigint) => resizing.resize(next) : undefined;
    return {
      type: 'device',
      device: this.#persistent(device),
      name,
      isZero: device.isNew || grow !== undefined,
      stats: await stat(path),
      grow,
    };
  }

  /** The device, with calls that fail in passing tried again. */
  #persistent(device: BlockDevice): BlockDevice {
    const { retries } = this.#options;
    if (retries === 0) return device;
    let toldMs = Number.NEGATIVE_INFINITY;
    let untold = 0;
    const onRetry = ({ command, offset = 0 }: { command: string; offset?: unknown }, error: unknown): void => {
      if (this.#options.quiet) return;
      const now = systemClock.now();
      // When a server has trouble, all that is under way fails, again and again.
      if (now - toldMs < retryNoteMs) {
        untold++;
        return;
      }
      const others = untold === 0 ? '' : ` (and ${untold} more since the last time)`;
      this.#terminal.note(`nbd: ${command} at ${offset}: ${oneLine(error)}; trying again${others}`);
      toldMs = now;
      untold = 0;
    };
    return createRetryLayer(device, { clock: systemClock, retries, onRetry });
  }
}

async function isStream(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    return !stats.isFile() && !stats.isBlockDevice() && !stats.isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * A regular file that is there becomes empty; other things stay as they are.
 *
 * @throws UsageError when it is the source.
 */
async function shorten(path: string, from: SourceSide): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  const source = from.type === 'device' ? from.stats : undefined;
  if (stats !== undefined && stats.ino === source?.ino && stats.dev === source.dev) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${path} is the source, and would be emptied by --destination-is-zero`);
  }
  if (stats?.isFile() === true) await truncate(path);
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Where the next read of a descriptor would begin: somebody may have read from it before us. */
async function positionOf(fd: number): Promise<bigint> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'latin1');
  return BigInt(/^pos:\s*(\d+)$/m.exec(text)?.[1] ?? 0);
}
