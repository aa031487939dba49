/** A device that is attached by this process. */
import type { FileHandle } from 'node:fs/promises';
import type { ByteChannel, CloseReason } from '@nbdjs/interfaces';
import type { Server } from '@nbdjs/server';
import { type DetachOptions, withinLimit } from './detach-options.ts';
import { quiesce } from './device-use.ts';
import { devicePath } from './kernel/device-path.ts';
import { explainFailure } from './kernel/failures.ts';
import type { Kernel, KernelDevice, KernelInterface } from './kernel/kernel.ts';
import type { DeviceFiles } from './kernel/sysfs.ts';
import type { DeviceSettings } from './netlink/nbd-messages.ts';

/** How long the kernel may take to end its connections, in milliseconds; then they are cut off. */
const endMs = 10_000;

interface AttachmentParts {
  readonly kernel: Kernel;
  readonly attached: KernelDevice;
  readonly server: Server;
  readonly channels: readonly ByteChannel[];
  readonly settings: DeviceSettings;
  readonly files: DeviceFiles;
}

/** A device that is attached. Made by `attachDevice`. */
export class Attachment {
  /** The device, such as `/dev/nbd0`. */
  readonly path: string;
  /** The number in its name. */
  readonly index: number;
  /** The way to the kernel. */
  readonly via: KernelInterface;
  /** In bytes: whole blocks of the device. */
  readonly size: bigint;
  /** The kernel's blocks, in bytes. */
  readonly blockSize: number;
  /**
   * Settles when the kernel has let go of the device: by `detach`, by another program, or because its connections have failed. Never rejects;
   * the error is that of the first connection that failed.
   */
  readonly detached: Promise<Error | undefined>;
  readonly #parts: AttachmentParts;
  #isDetaching = false;
  /** Our request to the kernel to detach, which uses the kernel's door until it has an answer. */
  #order: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(parts: AttachmentParts) {
    const { kernel, attached, settings, channels } = parts;
    this.#parts = parts;
    this.index = attached.index;
    this.path = devicePath(attached.index);
    this.via = kernel.via;
    this.size = settings.size;
    this.blockSize = settings.blockSize;
    this.detached = this.#watch(channels);
  }

  /**
   * Writes what the kernel has in memory, and detaches the device. Settles when that is done, and no request is under way. May be called
   * again after it has failed.
   *
   * @throws UsageError `ERR_NBD_STATE` when the device is in use, unless `force`; a TimeoutError or a system error when it cannot be written.
   */
  async detach(options: DetachOptions = {}): Promise<void> {
    const { kernel } = this.#parts;
    if (this.#isDetaching) {
      await this.detached;
      return;
    }
    this.#isDetaching = true;
    let handle: FileHandle | undefined;
    try {
      handle = options.force === true ? undefined : await withinLimit(options, this.path, quiesce(this.path));
      this.#order = kernel.detach(this.index);
      await this.#order.catch((error: unknown) => {
        throw explainFailure(`detaching ${this.path}`, error);
      });
      await this.#ended();
    } catch (error) {
      this.#isDetaching = false;
      throw error;
    } finally {
      await handle?.close();
    }
  }

  /** The kernel ends its connections; one that it leaves is cut off. */
  async #ended(): Promise<void> {
    const timer = setTimeout(() => void this.#parts.server.destroy(), endMs);
    await this.detached.finally(() => clearTimeout(timer));
  }

  async #watch(channels: readonly ByteChannel[]): Promise<Error | undefined> {
    const reasons = await Promise.all(channels.map(({ closed }) => closed));
    const { kernel, server, attached } = this.#parts;
    await server.destroy();
    await attached.released;
    await this.#order.catch(() => {});
    kernel.close();
    return reasons.map(errorOf).find((error) => error !== undefined);
  }
}

function errorOf(reason: CloseReason): Error | undefined {
  return 'cause' in reason ? reason.cause : undefined;
}
