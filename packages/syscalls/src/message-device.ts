/**
 * Devices such as `/dev/fuse`, of which each read gives one whole message and each write takes one, on the event loop.
 *
 * libuv waits for sockets, pipes and terminals only, and hands everything else to its threads, which makes each message 2 to 8 times as
 * slow (decision 56). But it waits by the number of a descriptor: it is given a socket, whose number becomes that of the device before
 * the loop waits for it the first time.
 */
import { closeSync } from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { native } from './native.ts';
import { systemError } from './system-error.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_GETFL = 3;
const F_SETFL = 4;

/** After so many messages in a row, the rest of the event loop has its turn. */
const messagesAtOnce = 64;

/** Learns what happens to a device. */
export interface MessageListener {
  /** One message: a view of the device's memory, which is valid until the call returns. */
  message(bytes: Uint8Array): void;
  /** There will be no more messages: the device has ended (`ENODEV`), reading has failed, or it was closed (`undefined`). Called once. */
  end(error: NodeJS.ErrnoException | undefined): void;
}

/** A device that is open. It keeps the process alive until it is closed. */
export interface MessageDevice {
  /**
   * Writes a message at once: the first `byteCount` bytes.
   *
   * @returns 0, or the number of the system's error.
   */
  send(bytes: Uint8Array, byteCount: number): number;
  /** Reads no more messages until `resume`. Those that are being delivered still come. */
  pause(): void;
  /** Reads messages again. */
  resume(): void;
  /** Closes the descriptor. May be called more than once. */
  close(): void;
}

/**
 * Reads the messages of a device, which takes over `fd` and closes it, and makes it non-blocking. A message has `messageBytesMax` bytes
 * at most; some devices refuse a read of fewer.
 *
 * @returns `undefined` where the calls are not available; the descriptor stays open then.
 * @throws a system error; the descriptor stays open then.
 */
export function openMessageDevice(
  fd: number,
  messageBytesMax: number,
  listener: MessageListener,
): MessageDevice | undefined {
  const functions = native();
  if (functions?.recvmsg === undefined) return undefined;
  const flags = Number(functions.fcntl(fd, F_GETFL, 'int', 0));
  if (Number(functions.fcntl(fd, F_SETFL, 'int', flags | SOCK_NONBLOCK)) < 0)
    throw systemError('fcntl', functions.errno());
  const memory = new Uint8Array(new ArrayBuffer(messageBytesMax));
  let hasEnded = false;
  const end = (error: NodeJS.ErrnoException | undefined): void => {
    if (hasEnded) return;
    hasEnded = true;
    listener.end(error);
  };
  let isPaused = false;
  let isClosed = false;
  /** What came while the first message was handled is read without a wait. */
  const drain = (): void => {
    for (let count = 1; count < messagesAtOnce && !isClosed && !isPaused; count++) {
      const byteCount = Number(functions.read(fd, memory, memory.length));
      // Where it is more than a lack of messages, the loop meets the error again, and reports it.
      if (byteCount <= 0) return;
      listener.message(memory.subarray(0, byteCount));
    }
  };
  const socket = pollingSocket(fd, memory, (byteCount) => {
    if (isClosed) return;
    listener.message(memory.subarray(0, byteCount));
    drain();
  });
  socket.on('error', end);
  socket.on('end', () => end(undefined));
  socket.on('close', () => end(undefined));
  return {
    send(bytes, byteCount) {
      // The number may be another file's by now.
      if (isClosed) return 0;
      return Number(functions.write(fd, bytes, byteCount)) < 0 ? functions.errno() : 0;
    },
    pause() {
      isPaused = true;
      socket.pause();
    },
    resume() {
      isPaused = false;
      socket.resume();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.destroy();
      closeSync(fd);
    },
  };
}

/** Returns a socket that reads from another descriptor. Its own number is a duplicate of that, and is closed with it. */
function pollingSocket(fd: number, memory: Uint8Array, received: (byteCount: number) => void): Socket {
  const functions = native();
  if (functions === undefined) throw systemError('socketpair', 38);
  const pair = new Int32Array(new ArrayBuffer(8));
  if (Number(functions.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) !== 0) {
    throw systemError('socketpair', functions.errno());
  }
  const [number = -1, otherEnd = -1] = pair;
  // Node's types have `onread` only for sockets that connect.
  const options: SocketConstructorOpts & { onread: OnReadOpts } = {
    fd: number,
    readable: true,
    writable: false,
    onread: {
      buffer: memory,
      callback: (byteCount) => {
        received(byteCount);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // Nothing has run since that could have waited for the socket.
  const result = Number(functions.dup3(fd, number, O_CLOEXEC));
  const errorNumber = functions.errno();
  closeSync(otherEnd);
  if (result < 0) {
    socket.destroy();
    throw systemError('dup3', errorNumber);
  }
  return socket;
}
