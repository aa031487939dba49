/** Chooses the way to the kernel. */
import { constants, endianness } from 'node:os';
import { UsageError } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { missingDriver } from './kernel/failures.ts';
import { openIoctlKernel } from './kernel/ioctl-kernel.ts';
import type { Kernel, KernelInterface } from './kernel/kernel.ts';
import { type OpenNetlink, openNetlinkKernel } from './kernel/netlink-kernel.ts';
import { DeviceFiles } from './kernel/sysfs.ts';

/** The kernel, or what stands for it in tests. */
export interface KernelSurroundings {
  readonly files: DeviceFiles;
  readonly openNetlink?: OpenNetlink | undefined;
}

/** The kernel of this system. */
export function systemSurroundings(): KernelSurroundings {
  return { files: new DeviceFiles() };
}

/**
 * Opens the kernel's NBD driver: by messages if it has them, or as `via` says.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` on other systems, without native calls, and without the driver.
 */
export async function openKernel(
  { files, openNetlink }: KernelSurroundings,
  via: KernelInterface | undefined,
): Promise<Kernel> {
  requireSystem();
  if (via !== 'ioctl') {
    const kernel = await openNetlinkKernel(openNetlink).catch(withoutNetlink);
    if (kernel !== undefined) return kernel;
  }
  if (!files.hasDriver) throw missingDriver();
  if (via === 'netlink')
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', "kernel's NBD driver has no netlink: Linux 4.12 has");
  return openIoctlKernel(files);
}

/** A kernel, or a sandbox, may lack netlink altogether. */
function withoutNetlink(error: NodeJS.ErrnoException): undefined {
  const { EPROTONOSUPPORT, EAFNOSUPPORT, EPERM, EACCES } = constants.errno;
  const { errno = 0 } = error;
  if ([EPROTONOSUPPORT, EAFNOSUPPORT, EPERM, EACCES].includes(-errno)) return undefined;
  throw error;
}

function requireSystem(): void {
  if (process.platform !== 'linux') {
    throw new UsageError(
      'ERR_NBD_NOT_SUPPORTED',
      `kernel devices exist on Linux only, and this is ${process.platform}`,
    );
  }
  if (!capabilities().kernelDevices || endianness() !== 'LE') {
    const message = `kernel devices need the optional package @koromix/koffi-linux-${process.arch}, which is not there or does not work`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
}
