/** The devices of the kernel that are attached, by whatever process. */
import type { FileHandle } from 'node:fs/promises';
import { UsageError } from '@nbdjs/interfaces';
import { wait } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { type DetachOptions, withinLimit } from './detach-options.ts';
import { quiesce } from './device-use.ts';
import { deviceIndex, devicePath } from './kernel/device-path.ts';
import { explainFailure, missingDriver } from './kernel/failures.ts';
import type { KernelInterface } from './kernel/kernel.ts';
import { type DeviceFiles, processOf } from './kernel/sysfs.ts';
import { type KernelSurroundings, openKernel, systemSurroundings } from './open-kernel.ts';

/** How long the kernel may take until it shows a device as detached, and how often it is looked at, in milliseconds. */
const disappearingMs = 10_000;
const lookingMs = 10;

/** A device that is attached. */
export interface AttachedDevice {
  /** Such as `/dev/nbd0`. */
  readonly path: string;
  /** The number in its name. */
  readonly index: number;
  /** In bytes. */
  readonly size: bigint;
  /** Whether it cannot be written to. */
  readonly readOnly: boolean;
  /** The process that has attached it. `undefined`: it has ended, so the device answers no request, and has to be detached or taken over. */
  readonly pid: number | undefined;
  /** What it was given as its origin (`identifier`), from Linux 5.14 on. */
  readonly identifier: string | undefined;
}

/**
 * Returns the devices that are attached, by this process or others, in ascending order. Needs no rights.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` where there is no NBD driver.
 */
export function listAttachedDevices(): readonly AttachedDevice[] {
  return listWithin(systemSurroundings().files);
}

/** The same for given files. */
export function listWithin(files: DeviceFiles): readonly AttachedDevice[] {
  if (!files.hasDriver) throw missingDriver();
  return files.indices.flatMap((index) => attachedAt(files, index) ?? []);
}

/**
 * Returns the device of that path (or `nbd0`, or `0`) if it is attached, by this process or others. Needs no rights.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when it is not the path of an NBD device, `ERR_NBD_NOT_SUPPORTED` where there is no NBD driver.
 */
export function findAttachedDevice(path: string): AttachedDevice | undefined {
  return findWithin(systemSurroundings().files, path);
}

/** The same within given files. */
export function findWithin(files: DeviceFiles, path: string): AttachedDevice | undefined {
  const index = deviceIndex(path);
  if (!files.hasDriver) throw missingDriver();
  return attachedAt(files, index);
}

function attachedAt(files: DeviceFiles, index: number): AttachedDevice | undefined {
  const shown = files.read(index);
  if (shown?.thread === undefined) return undefined;
  const { size, isReadOnly: readOnly, thread, identifier } = shown;
  return { path: devicePath(index), index, size, readOnly, pid: processOf(thread), identifier };
}

/** How another process's device is detached. */
export interface DetachDeviceOptions extends DetachOptions {
  /** The way to the kernel. @default `netlink` where the kernel has it, else `ioctl` */
  readonly via?: KernelInterface | undefined;
}

/**
 * Writes what the kernel has of a device in memory, and detaches it, by whatever process it was attached. Of a device whose process has ended
 * what is in memory is lost.
 *
 * @throws UsageError `ERR_NBD_STATE` when it is not attached, or in use (unless `force`), and what `attachDevice` throws.
 */
export function detachDevice(path: string, options: DetachDeviceOptions = {}): Promise<void> {
  return detachWithin(systemSurroundings(), path, options);
}

/** The same within given surroundings. */
export async function detachWithin(
  surroundings: KernelSurroundings,
  path: string,
  options: DetachDeviceOptions,
): Promise<void> {
  const { files } = surroundings;
  const index = deviceIndex(path);
  const name = devicePath(index);
  const kernel = await openKernel(surroundings, options.via);
  let handle: FileHandle | undefined;
  try {
    const { thread } = files.read(index) ?? {};
    if (thread === undefined) throw new UsageError('ERR_NBD_STATE', `${name} is not attached`);
    if (options.force !== true)
      handle = await withinLimit(options, name, quiesce(name, processOf(thread) !== undefined));
    await kernel.detach(index);
    // As long as it is open, the kernel does not let go of it.
    await handle?.close();
    handle = undefined;
    await untilReleased(files, index);
  } catch (error) {
    throw explainFailure(`detaching ${name}`, error);
  } finally {
    await handle?.close();
    kernel.close();
  }
}

async function untilReleased(files: DeviceFiles, index: number): Promise<void> {
  const untilMs = systemClock.now() + disappearingMs;
  while (files.read(index)?.thread !== undefined) {
    if (systemClock.now() > untilMs) {
      throw new UsageError('ERR_NBD_STATE', `${devicePath(index)} is still attached after ${disappearingMs} ms`);
    }
    await wait(systemClock, lookingMs);
  }
}
