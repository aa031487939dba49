/** A device as `/dev/nbdN`. */
import { closeSync } from 'node:fs';
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { checkDevice, type SettingsOf } from '@nbdjs/kit';
import { setIoFlusher } from '@nbdjs/syscalls';
import { type AttachOptions, attachOptions } from './attach-options.ts';
import { Attachment } from './attachment.ts';
import { deviceSettings } from './device-settings.ts';
import { deviceIndex, devicePath } from './kernel/device-path.ts';
import { explainFailure } from './kernel/failures.ts';
import type { Kernel, WantedDevice } from './kernel/kernel.ts';
import { type KernelSurroundings, openKernel, systemSurroundings } from './open-kernel.ts';
import { type KernelSocket, openKernelSocket } from './session/kernel-socket.ts';
import { createSessionServer } from './session/session-server.ts';

/**
 * Attaches a device as `/dev/nbdN` of this system's kernel. The device stays the caller's, who closes it after detaching. This process has to
 * stay: it answers the kernel's requests. The calling thread is marked as one that the kernel writes through (`setIoFlusher`).
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` where there is no NBD driver (on other systems than Linux, without its module, without native
 *   calls), `ERR_NBD_STATE` when the path is in use, `ERR_NBD_ARGUMENT` for a wrong option; a system error with the code `EPERM` without the
 *   rights.
 */
export function attachDevice(device: BlockDevice, options: AttachOptions = {}): Promise<Attachment> {
  return attachWithin(systemSurroundings(), device, options);
}

/** The same within given surroundings. */
export async function attachWithin(
  surroundings: KernelSurroundings,
  device: BlockDevice,
  options: AttachOptions,
): Promise<Attachment> {
  checkDevice('attachDevice', 'the device', device);
  const settings = attachOptions.resolve('attachDevice', options);
  const wanted = wantedDevice(settings);
  setIoFlusher();
  const kernel = await openKernel(surroundings, settings.via);
  try {
    return await attachTo(kernel, wanted, device, settings, surroundings);
  } catch (error) {
    kernel.close();
    throw error;
  }
}

async function attachTo(
  kernel: Kernel,
  wanted: WantedDevice,
  device: BlockDevice,
  settings: SettingsOf<typeof attachOptions>,
  surroundings: KernelSurroundings,
): Promise<Attachment> {
  const { readOnly, trace } = settings;
  const server = createSessionServer(device, { readOnly, trace });
  const sockets: KernelSocket[] = [];
  try {
    for (let count = 0; count < settings.connections; count++) sockets.push(await openKernelSocket(server));
    const [first] = sockets as [KernelSocket];
    const told = deviceSettings(device.geometry, first.greeting, settings);
    const fds = sockets.map(({ fd }) => fd);
    const attached = await kernel.attach(wanted, told, fds).catch((error: unknown) => {
      const name = wanted.index === undefined ? 'a device' : devicePath(wanted.index);
      throw explainFailure(`attaching ${name}`, error);
    });
    const channels = sockets.map(({ channel }) => channel);
    return new Attachment({ kernel, attached, server, channels, settings: told, files: surroundings.files });
  } catch (error) {
    await server.destroy();
    throw error;
  } finally {
    // The kernel has its own references to them.
    for (const { fd } of sockets) closeSync(fd);
  }
}

function wantedDevice({ path, takeOver }: SettingsOf<typeof attachOptions>): WantedDevice {
  if (path !== undefined) return { index: deviceIndex(path), isTakenOver: takeOver };
  if (takeOver) throw new UsageError('ERR_NBD_ARGUMENT', 'attachDevice: takeOver needs the path of the device');
  return { index: undefined, isTakenOver: false };
}
