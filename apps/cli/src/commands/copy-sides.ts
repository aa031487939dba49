/** The two sides of a copy: what an operand stands for, opened. */
import { fstatSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type NbdClient, systemClock } from '@nbdjs/client';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { createNullDevice, createRetryLayer, openFileDevice } from '@nbdjs/storage';
import { describeOperand, type Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { openServer, type ServerOperand } from '../open.ts';
import type { Terminal } from '../terminal.ts';

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
}

export type Side = DeviceSide | { readonly type: 'stream'; readonly path: string | number };

/** `retries` are also how often a request that has failed is tried again. */
export interface SideOptions extends ServerWords {
  /** The destination will be read, too. */
  readonly verify: boolean;
  /** The destination file, if there is one, holds a part of the copy. */
  readonly isResumed: boolean;
}

/** Opens sides, and closes all of them again. */
export class Sides {
  readonly #options: SideOptions;
  readonly #terminal: Terminal;
  readonly #opened: BlockDevice[] = [];

  constructor(options: SideOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
  }

  async source(operand: Operand): Promise<Side> {
    switch (operand.type) {
      case 'uri':
      case 'command':
        return this.#server(operand, [baseAllocation]);
      case 'stdio':
        // Standard input may be a file, which can be read like one.
        if (fstatSync(0).isFile() && process.platform === 'linux') return this.#file('/proc/self/fd/0', '-', {});
        return { type: 'stream', path: 0 };
      case 'file':
        if (await isStream(operand.path)) return { type: 'stream', path: operand.path };
        return this.#file(operand.path, operand.path, {});
      case 'null':
        throw new UsageError('ERR_NBD_ARGUMENT', "'null:' can only be the destination");
    }
  }

  async destination(operand: Operand, from: Side): Promise<Side> {
    switch (operand.type) {
      case 'uri':
      case 'command':
        return this.#server(operand, this.#options.verify ? [baseAllocation] : []);
      case 'stdio':
        return { type: 'stream', path: 1 };
      case 'null':
        return { type: 'device', device: this.#keep(createNullDevice()), name: 'null:', isZero: true };
      case 'file':
        if (from.type === 'stream' || (await isStream(operand.path))) return { type: 'stream', path: operand.path };
        return this.#file(operand.path, operand.path, { size: from.device.geometry.size });
    }
  }

  /** Closes everything in good order, and tells of what goes wrong with that. */
  async close(): Promise<void> {
    for (const device of this.#opened) await device.close();
  }

  /** Ends everything now; what is under way fails. */
  destroy(cause?: Error): void {
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
    };
  }

  async #file(path: string, name: string, target: { readonly size?: bigint }): Promise<DeviceSide> {
    const isTarget = target.size !== undefined;
    // A target is as long as the source, whatever it was before.
    const options = isTarget
      ? { create: !this.#options.isResumed, size: target.size, truncate: true }
      : { readOnly: true };
    const device = this.#keep(await openFileDevice(path, options));
    const isZero = isTarget && device.isNew;
    return { type: 'device', device: this.#persistent(device), name, isZero, stats: await stat(path) };
  }

  /** The device, with calls that fail in passing tried again. */
  #persistent(device: BlockDevice): BlockDevice {
    const { retries } = this.#options;
    if (retries === 0) return device;
    let toldMs = Number.NEGATIVE_INFINITY;
    let untold = 0;
    const onRetry = ({ command, offset = 0 }: { command: string; offset?: unknown }, error: unknown): void => {
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
