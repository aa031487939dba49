/**
 * The C library, called through koffi, which is loaded by the first call that needs it. Only koffi's part for this processor is required:
 * the whole package has an install script, which package managers block.
 */
// Not imported by the function's name: webpack would follow it to a library that it cannot bundle, and warn.
import nodeModule from 'node:module';
import { constants } from 'node:os';

/** A C function; the result is its return value. */
export interface NativeFunction {
  (...args: unknown[]): number | bigint;
  /**
   * Runs on one of libuv's threads. The last argument is a callback for the result; the error number is that of this call while the
   * callback runs. Not for variadic functions.
   */
  async(...args: unknown[]): void;
}

/** The part of koffi that is used. A version that lacks some of it is treated as missing. */
interface Koffi {
  load(path: string | null): { func(definition: string): NativeFunction };
  errno(): number;
  address(memory: Uint8Array): bigint;
}

export interface Native {
  readonly fcntl: NativeFunction;
  readonly lseek: NativeFunction;
  readonly fallocate: NativeFunction;
  readonly flock: NativeFunction;
  /** Returns its error number. Missing in some C libraries. */
  readonly fadvise: NativeFunction | undefined;
  readonly ioctl: NativeFunction;
  readonly setsockopt: NativeFunction;
  readonly getsockopt: NativeFunction;
  readonly socket: NativeFunction;
  readonly socketpair: NativeFunction;
  readonly send: NativeFunction;
  readonly recv: NativeFunction;
  readonly prctl: NativeFunction;
  readonly read: NativeFunction;
  readonly write: NativeFunction;
  readonly dup3: NativeFunction;
  /** Missing on some machines. */
  readonly recvmsg: NativeFunction | undefined;
  /** Missing in some C libraries. */
  readonly preadv2: NativeFunction | undefined;
  /** Returns the address of memory, which must lie outside of the garbage-collected heap, and has to stay alive. */
  address(memory: Uint8Array): bigint;
  /** Returns the error number of the last call. */
  errno(): number;
}

let loaded: Native | undefined;
let tried = false;

/**
 * Returns the functions, or `undefined`: on other systems than Linux, where koffi is not installed or does not work, and while the
 * environment has `NBDJS_NO_NATIVE=1`, which is for trying out the portable paths.
 */
export function native(): Native | undefined {
  if (process.env.NBDJS_NO_NATIVE === '1') return undefined;
  if (!tried) {
    tried = true;
    loaded = process.platform === 'linux' ? load() : undefined;
  }
  return loaded;
}

function load(): Native | undefined {
  try {
    const koffi = find(`@koromix/koffi-linux-${process.arch}`);
    const library = koffi.load(null);
    const functions: Native = {
      // Variadic functions are declared as such, or the arguments would be passed wrongly on arm64.
      fcntl: library.func('int fcntl(int fd, int command, ...)'),
      lseek: library.func('int64_t lseek64(int fd, int64_t offset, int whence)'),
      fallocate: library.func('int fallocate64(int fd, int mode, int64_t offset, int64_t length)'),
      flock: library.func('int flock(int fd, int operation)'),
      fadvise: optional(() => library.func('int posix_fadvise64(int fd, int64_t offset, int64_t length, int advice)')),
      ioctl: library.func('int ioctl(int fd, unsigned long request, ...)'),
      setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int length)'),
      getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
      socket: library.func('int socket(int domain, int type, int protocol)'),
      socketpair: library.func('int socketpair(int domain, int type, int protocol, void *fds)'),
      send: library.func('int64_t send(int fd, const void *bytes, size_t length, int flags)'),
      recv: library.func('int64_t recv(int fd, void *bytes, size_t length, int flags)'),
      prctl: library.func('int prctl(int option, ...)'),
      read: library.func('int64_t read(int fd, void *bytes, size_t length)'),
      write: library.func('int64_t write(int fd, const void *bytes, size_t length)'),
      dup3: library.func('int dup3(int from, int to, int flags)'),
      recvmsg: optional(() => library.func('int64_t recvmsg(int fd, void *message, int flags)')),
      preadv2: optional(() =>
        library.func('int64_t preadv64v2(int fd, const void *vectors, int count, int64_t offset, int flags)'),
      ),
      address: (memory) => BigInt(koffi.address(memory)),
      errno: () => koffi.errno(),
    };
    return works(functions) ? functions : undefined;
  } catch {
    return undefined;
  }
}

/** Loads koffi. Where this file is bundled into another one, such as a worker, the library is beside our package, not beside that file. */
function find(name: string): Koffi {
  const require = nodeModule.createRequire(import.meta.url);
  try {
    return require(name) as Koffi;
  } catch {
    return nodeModule.createRequire(require.resolve('@nbdjs/syscalls'))(name) as Koffi;
  }
}

/** Makes one call with a known result: a version of koffi that passes arguments differently must not change files. */
function works({ lseek, errno, address }: Native): boolean {
  if (typeof lseek.async !== 'function') return false;
  return Number(lseek(-1, 0n, 0)) === -1 && errno() === constants.errno.EBADF && address(Buffer.alloc(8)) > 0n;
}

/** Returns a function, or `undefined` where the library has none of that name. */
function optional(load: () => NativeFunction): NativeFunction | undefined {
  try {
    // Their structures are laid out for little-endian 64-bit machines.
    return ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch) ? load() : undefined;
  } catch {
    return undefined;
  }
}
