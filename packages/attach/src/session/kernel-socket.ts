/** One connection of the kernel: a pair of sockets with a session at our end, ready for the kernel at the other. */
import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteChannel, UsageError } from '@nbdjs/interfaces';
import { decodeOldstyleExport, GreetingBytes, type OldstyleExport } from '@nbdjs/protocol';
import type { Server } from '@nbdjs/server';
import { socketPair } from '@nbdjs/syscalls';
import { adoptDescriptor } from '@nbdjs/transport';

const readBytes = promisify(read);

const magicBytes = GreetingBytes.initialMagic + GreetingBytes.serverMagic;
const greetingBytes = magicBytes + GreetingBytes.oldstyleExport;

/** A connection of the kernel. */
export interface KernelSocket {
  /** Our end; the session ends with it. */
  readonly channel: ByteChannel;
  /** The kernel's end: a descriptor that its owner has to close. What has come there is read, so that requests can begin. */
  readonly fd: number;
  /** What the session has announced. */
  readonly greeting: OldstyleExport;
}

/**
 * Makes a pair of sockets with a session of the server at one end.
 *
 * @throws UsageError without native calls; a system error when there are no more descriptors.
 */
export async function openKernelSocket(server: Server): Promise<KernelSocket> {
  const pair = socketPair();
  if (pair === undefined) throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'pairs of sockets cannot be made here');
  const [ours, fd] = pair;
  const channel = adoptDescriptor(ours, { name: 'the kernel', transport: 'unix', tls: false });
  void server.accept(channel);
  try {
    return { channel, fd, greeting: await readGreeting(fd) };
  } catch (error) {
    closeSync(fd);
    channel.destroy();
    throw error;
  }
}

/** Reads what the session says about the device, and not a byte more: on another thread, because the descriptor waits for bytes. */
async function readGreeting(fd: number): Promise<OldstyleExport> {
  const greeting = Buffer.alloc(greetingBytes);
  for (let length = 0; length < greeting.length; ) {
    const { bytesRead } = await readBytes(fd, greeting, length, greeting.length - length, null);
    if (bytesRead === 0) throw new UsageError('ERR_NBD_STATE', 'session for the kernel has ended before it began');
    length += bytesRead;
  }
  return decodeOldstyleExport(greeting.subarray(magicBytes));
}
