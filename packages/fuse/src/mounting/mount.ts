/** Devices as files: mounting them, and the end of that. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { type MessageDevice, openMessageDevice } from '@nbdjs/syscalls';
import { DeviceFile } from '../files/device-file.ts';
import { FileTree } from '../files/file-tree.ts';
import type { MountedFile } from '../files/mounted-file.ts';
import { requestBytesMax } from '../session/limits.ts';
import { FuseSession } from '../session/session.ts';
import { type KernelMount, mountByProgram, unmountByProgram } from './fusermount.ts';
import { findMountDirectory, findMountPoint, type MountPoint } from './mount-point.ts';

/** The options of a mount as data. */
export const mountOptions = defineOptions({
  /** Refuse to write, and show the files as such. A device that cannot be written is read-only in any case. @default false */
  readOnly: option.boolean({ default: false, doc: 'Refuse to write, and show the files as such.' }),
  /** Let other users read and write, too. The system's administrator has to allow that to users (`user_allow_other`). @default false */
  allowOther: option.boolean({ default: false, doc: 'Let other users read and write, too.' }),
});

/** How devices are mounted. */
export interface MountOptions extends OptionsOf<typeof mountOptions> {}

/** How long programs that have the file open may keep it. */
export interface UnmountOptions {
  /** After the path is free, programs may go on with open files for so long, in milliseconds. @default 1000 */
  readonly graceMs?: number | undefined;
}

/** Devices that appear as files, until the mount is ended by `unmount`, by `fusermount3 -u`, or with this process, however that ends. */
export interface Mount extends AsyncDisposable {
  /** Where the files are, in the order of the devices. */
  readonly paths: readonly string[];
  /**
   * Settles when the mount has ended; never rejects. `undefined`: by `unmount`, or because it was unmounted in another way. An error: reading
   * from the kernel has failed.
   */
  readonly ended: Promise<Error | undefined>;
  /**
   * Unmounts. The path is free when this settles. Programs that still have a file open get ENOTCONN from it after the grace.
   * What was written is with the device; it is flushed if a program asked for that. May be called more than once.
   */
  unmount(options?: UnmountOptions): Promise<void>;
}

/** Messages of the kernel have the longest payload and a header; the kernel wants room for some more. */
const messageBytesMax = requestBytesMax + 4096;

const graceMsDefault = 1000;

/**
 * Mounts a device as a file: over a plain file, as `nbd` in an empty directory, or under a new name in an empty directory. The device stays the
 * caller's, who closes it after the mount.
 *
 * @throws UsageError where it is not possible, with the reason; errors of the system.
 */
export async function mountDevice(device: BlockDevice, path: string, options: MountOptions = {}): Promise<Mount> {
  const point = await findMountPoint(path);
  return mountAt(point, [{ name: point.name, device }], options);
}

/**
 * Mounts devices as files in an empty directory.
 *
 * @throws as `mountDevice`; UsageError for names that are no names of files, or given twice.
 */
export async function mountDevices(
  files: readonly MountedFile[],
  directory: string,
  options: MountOptions = {},
): Promise<Mount> {
  requireNames(files.map(({ name }) => name));
  return mountAt(await findMountDirectory(directory), files, options);
}

function requireNames(names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || Buffer.byteLength(name) > 255) {
      throw new UsageError('ERR_NBD_ARGUMENT', `${JSON.stringify(name)} is not the name of a file`);
    }
    if (names.indexOf(name) !== index) {
      throw new UsageError('ERR_NBD_ARGUMENT', `there are two files ${JSON.stringify(name)}`);
    }
  }
}

async function mountAt(point: MountPoint, files: readonly MountedFile[], given: MountOptions): Promise<Mount> {
  const { readOnly, allowOther } = mountOptions.resolve('mount', given);
  const nowMs = Date.now();
  const deviceFiles = files.map(({ name, device }) => new DeviceFile(name, device, readOnly, nowMs));
  const ownership = { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0, isShared: allowOther };
  const tree = new FileTree(deviceFiles, point.kind === 'file', ownership);
  const isReadOnly = deviceFiles.every((file) => file.isReadOnly);
  const words = [
    isReadOnly ? 'ro' : 'rw',
    'nosuid',
    'nodev',
    'fsname=nbdjs',
    'subtype=nbdjs',
    'default_permissions',
    'auto_unmount',
    `max_read=${requestBytesMax}`,
    ...(allowOther ? ['allow_other'] : []),
  ];
  const kernelMount = await mountByProgram(point.path, words.join(','));
  try {
    const paths = point.kind === 'file' ? [point.path] : files.map(({ name }) => join(point.path, name));
    return new ActiveMount(point.path, paths, kernelMount, tree);
  } catch (error) {
    closeSync(kernelMount.fd);
    await kernelMount.end();
    throw error;
  }
}

class ActiveMount implements Mount {
  readonly paths: readonly string[];
  readonly ended: Promise<Error | undefined>;
  readonly #path: string;
  readonly #device: MessageDevice;
  #unmounting: Promise<void> | undefined;
  #hasEnded = false;

  constructor(path: string, paths: readonly string[], kernelMount: KernelMount, tree: FileTree) {
    this.paths = paths;
    this.#path = path;
    const { promise, resolve } = promiseWithResolver<Error | undefined>();
    this.ended = promise;
    const channel = {
      // A reply that the kernel does not take belongs to a request that it has taken back.
      send: (bytes: Uint8Array, byteCount: number) => void this.#device.send(bytes, byteCount),
      pause: () => this.#device.pause(),
      resume: () => this.#device.resume(),
    };
    const session = new FuseSession({ tree, channel, clock: systemClock }, process.arch);
    const device = openMessageDevice(kernelMount.fd, messageBytesMax, {
      message: (bytes) => session.receive(bytes),
      end: (error) => {
        this.#hasEnded = true;
        session.end();
        device?.close();
        const failure = error === undefined || error.code === 'ENODEV' ? undefined : error;
        void kernelMount.end().then(() => resolve(failure));
      },
    });
    if (device === undefined) throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'this machine cannot read from /dev/fuse');
    this.#device = device;
  }

  unmount({ graceMs = graceMsDefault }: UnmountOptions = {}): Promise<void> {
    this.#unmounting ??= this.#unmount(graceMs);
    return this.#unmounting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }

  async #unmount(graceMs: number): Promise<void> {
    if (this.#hasEnded) return;
    try {
      await unmountByProgram(this.#path, true);
      await this.#endWithin(graceMs);
    } finally {
      // Programs that still have the file open get ENOTCONN.
      this.#device.close();
      await this.ended;
    }
  }

  /** Waits for the kernel to report the end, which comes when the last program has closed its file. */
  async #endWithin(limitMs: number): Promise<void> {
    let cancel = (): void => {};
    const timeOut = new Promise<void>((resolve) => {
      cancel = systemClock.schedule(limitMs, resolve, true);
    });
    await Promise.race([this.ended, timeOut]);
    cancel();
  }
}

function promiseWithResolver<Value>() {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
