/** Taking descriptors from a child process: `SCM_RIGHTS` over a pair of sockets. */
import { closeSync } from 'node:fs';
import { native } from './native.ts';
import { socketPair } from './socket.ts';
import { systemError } from './system-error.ts';

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const ENOSYS = 38;
const EINTR = 4;

/** struct cmsghdr with one descriptor: a length of 64 bits, level and type, and the number, padded. */
const controlBytes = 24;
const controlHeaderBytes = 16;
/** struct msghdr. */
const messageBytes = 56;

/** A way for a child to hand over a descriptor. Has to be closed. */
export interface DescriptorInlet {
  /** The end that the child has to inherit. Only children that are told to do so inherit it. */
  readonly childEnd: number;
  /** Closes our copy of the child's end, so that its end is noticed. Call it when the child was started. */
  closeChildEnd(): void;
  /**
   * Waits for a descriptor, in one of libuv's threads, for up to `timeoutMs`. It belongs to the caller, and no child inherits it.
   *
   * @returns `undefined` when the child has closed its end without sending one, or nothing has come in time.
   */
  receive(timeoutMs: number): Promise<number | undefined>;
  /** Closes both ends: the child reads the end of the stream. May be called more than once. */
  close(): void;
}

/**
 * Makes the pair of sockets.
 *
 * @returns `undefined` where the calls are not available.
 * @throws a system error.
 */
export function createDescriptorInlet(): DescriptorInlet | undefined {
  const pair = native()?.recvmsg === undefined ? undefined : socketPair();
  if (pair === undefined) return undefined;
  const [ownEnd, childEnd] = pair;
  const open = new Set([ownEnd, childEnd]);
  const closeEnd = (end: number): void => {
    if (open.delete(end)) closeSync(end);
  };
  return {
    childEnd,
    closeChildEnd: () => closeEnd(childEnd),
    receive: (timeoutMs) => receive(ownEnd, timeoutMs),
    close() {
      closeEnd(childEnd);
      closeEnd(ownEnd);
    },
  };
}

async function receive(socket: number, timeoutMs: number): Promise<number | undefined> {
  const functions = native();
  if (functions?.recvmsg === undefined) throw systemError('recvmsg', ENOSYS);
  const time = new BigInt64Array([BigInt(Math.floor(timeoutMs / 1000)), BigInt(Math.floor(timeoutMs % 1000) * 1000)]);
  functions.setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, time, time.byteLength);
  const content = new Uint8Array(new ArrayBuffer(8));
  const control = new Uint8Array(new ArrayBuffer(controlBytes));
  const vector = new BigUint64Array([functions.address(content), BigInt(content.length)]);
  const message = new DataView(new ArrayBuffer(messageBytes));
  message.setBigUint64(16, functions.address(new Uint8Array(vector.buffer)), true);
  message.setBigUint64(24, 1n, true);
  message.setBigUint64(32, functions.address(control), true);
  message.setBigUint64(40, BigInt(control.length), true);
  const { recvmsg } = functions;
  const bytes = new Uint8Array(message.buffer);
  const received = await new Promise<number>((resolve, reject) => {
    recvmsg.async(socket, bytes, MSG_CMSG_CLOEXEC, (error: Error | null, result: number | bigint) => {
      const errorNumber = functions.errno();
      if (error !== null) reject(error);
      else resolve(Number(result) < 0 ? -errorNumber : Number(result));
    });
  });
  if (received === -EINTR) return receive(socket, timeoutMs);
  // Alive until here, because the call uses them.
  const hasDescriptor = received > 0 && message.getBigUint64(40, true) >= BigInt(controlHeaderBytes + 4);
  const header = new DataView(control.buffer);
  if (!hasDescriptor || vector.length === 0 || content.length === 0) return undefined;
  if (header.getInt32(8, true) !== SOL_SOCKET || header.getInt32(12, true) !== SCM_RIGHTS) return undefined;
  return header.getInt32(controlHeaderBytes, true);
}
