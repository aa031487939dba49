/** The kernel's driver by messages: from Linux 4.12 on. No thread and no process of ours has to stay for a device. */
import { constants } from 'node:os';
import { type NetlinkSocket, openNetlink } from '@nbdjs/syscalls';
import { GenericFamily, KernelRefusal } from '../netlink/generic-family.ts';
import {
  connectAttributes,
  type DeviceSettings,
  decodeIndex,
  indexAttributes,
  NbdCommand,
  nbdFamily,
  reconfigureAttributes,
} from '../netlink/nbd-messages.ts';
import type { Kernel, KernelDevice, WantedDevice } from './kernel.ts';

const NETLINK_GENERIC = 16;

/** Opens the socket of a kernel, or of what stands for one. */
export type OpenNetlink = (protocol: number) => NetlinkSocket | undefined;

/** Returns the driver, or `undefined` where there is none, or one without messages. */
export async function openNetlinkKernel(open: OpenNetlink = openNetlink): Promise<Kernel | undefined> {
  const socket = open(NETLINK_GENERIC);
  if (socket === undefined) return undefined;
  try {
    return new NetlinkKernel(socket, await GenericFamily.find(socket, nbdFamily.name, nbdFamily.version));
  } catch (error) {
    socket.close();
    if (error instanceof KernelRefusal && error.errorNumber === constants.errno.ENOENT) return undefined;
    throw error;
  }
}

class NetlinkKernel implements Kernel {
  readonly via = 'netlink';
  readonly #socket: NetlinkSocket;
  readonly #family: GenericFamily;

  constructor(socket: NetlinkSocket, family: GenericFamily) {
    this.#socket = socket;
    this.#family = family;
  }

  async attach(
    { index, isTakenOver }: WantedDevice,
    settings: DeviceSettings,
    sockets: readonly number[],
  ): Promise<KernelDevice> {
    if (isTakenOver && index !== undefined) {
      await this.#family.ask(NbdCommand.Reconfigure, reconfigureAttributes(index, settings, sockets));
      return { index };
    }
    const [answer = []] = await this.#family.ask(NbdCommand.Connect, connectAttributes(index, settings, sockets));
    return { index: decodeIndex(answer) };
  }

  async detach(index: number): Promise<void> {
    await this.#family.ask(NbdCommand.Disconnect, indexAttributes(index));
  }

  close(): void {
    this.#socket.close();
  }
}
