/** Netlink: messages to parts of the kernel, and their answers. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { callAside } from './aside.ts';
import { type Native, native } from './native.ts';
import { systemError } from './system-error.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2_000_000;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
/** The kernel puts no more into one answer. */
const answerBytesMax = 32 * 1024;

/** A socket to a part of the kernel. It belongs to the caller, who closes it. */
export interface NetlinkSocket {
  /**
   * Sends one message, on another thread, because the kernel carries it out before it takes the next one.
   *
   * @throws a system error.
   */
  send(message: Uint8Array): Promise<void>;
  /**
   * Returns the next answer: one or more messages with their headers. `undefined`: there is none. The answers to a message are there when
   * `send` has settled.
   *
   * @throws a system error.
   */
  receive(): Uint8Array | undefined;
  /** May be called once. */
  close(): void;
}

/**
 * Opens a socket of a netlink protocol, by its number. Errors come with a text where the kernel has one.
 *
 * @returns `undefined` without native calls.
 * @throws a system error, for instance for a protocol that the kernel does not know.
 */
export function openNetlink(protocol: number): NetlinkSocket | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const fd = Number(functions.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (fd < 0) throw systemError('socket', functions.errno());
  // Kernels before 4.12 have no texts.
  functions.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, new Int32Array([1]), 4);
  return {
    send: (message) => send(functions, fd, message),
    receive: () => receive(functions, fd),
    close: () => closeSync(fd),
  };
}

async function send(functions: Native, fd: number, message: Uint8Array): Promise<void> {
  const { result, errorNumber } = await callAside(functions, functions.send, fd, message, message.length, 0);
  if (Number(result) < 0) throw systemError('send', errorNumber);
}

function receive(functions: Native, fd: number): Uint8Array | undefined {
  const memory = new Uint8Array(answerBytesMax);
  const byteCount = Number(functions.recv(fd, memory, memory.length, MSG_DONTWAIT));
  if (byteCount >= 0) return memory.subarray(0, byteCount);
  const errorNumber = functions.errno();
  if (errorNumber === constants.errno.EAGAIN) return undefined;
  throw systemError('recv', errorNumber);
}
