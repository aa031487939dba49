/**
 * The C library, by way of koffi, loaded when the first call needs it, or found missing. Of koffi, only the part for this
 * processor is asked for: the whole of it has an install script, which package managers stop at.
 */
// Not the function by its name: webpack would follow it to a library that it cannot take along, and warn of it.
import nodeModule from 'node:module';
import { constants } from 'node:os';

/** A C function; the result is its return value. */
export interface NativeFunction {
  (...args: unknown[]): number | bigint;
  /** On one of libuv's threads; the last argument is told the result, and the error number is that call's while it is. Not for variadic functions. */
  async(...args: unknown[]): void;
}

/** What is used of the library; one that lacks some of it is as good as none. */
interface Koffi {
  load(path: string | null): { func(definition: string): NativeFunction };
  errno(): number;
  address(memory: Uint8Array): bigint;
}

export interface Native {
  readonly fcntl: NativeFunction;
  readonly lseek: NativeFunction;
  readonly fallocate: NativeFunction;
  /** Returns its error number. Missing in some C libraries. */
  readonly fadvise: NativeFunction | undefined;
  readonly ioctl: NativeFunction;
  readonly setsockopt: NativeFunction;
  readonly getsockopt: NativeFunction;
  /** Missing in some C libraries. */
  readonly preadv2: NativeFunction | undefined;
  /** Where memory lies; only memory outside of the collected heap may be asked about, and it has to stay alive. */
  address(memory: Uint8Array): bigint;
  /** The error number of the call that was made last. */
  errno(): number;
}

let loaded: Native | undefined;
let tried = false;

/**
 * The functions, or nothing: on other systems than Linux, where koffi is not installed or does not work, and while the
 * environment says `NBDJS_NO_NATIVE=1`, so that the portable paths can be tried out.
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
      fadvise: optional(() => library.func('int posix_fadvise64(int fd, int64_t offset, int64_t length, int advice)')),
      ioctl: library.func('int ioctl(int fd, unsigned long request, ...)'),
      setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, unsigned int length)'),
      getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
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

/** In a file that includes this one (a worker's, say), the library is not beside that file but beside our package. */
function find(name: string): Koffi {
  const require = nodeModule.createRequire(import.meta.url);
  try {
    return require(name) as Koffi;
  } catch {
    return nodeModule.createRequire(require.resolve('@nbdjs/syscalls'))(name) as Koffi;
  }
}

/** One call whose outcome is known: a version of koffi that passes arguments or results otherwise must not touch files. */
function works({ lseek, errno, address }: Native): boolean {
  if (typeof lseek.async !== 'function') return false;
  return Number(lseek(-1, 0n, 0)) === -1 && errno() === constants.errno.EBADF && address(Buffer.alloc(8)) > 0n;
}

/** A function, or nothing where the library has none of that name. */
function optional(load: () => NativeFunction): NativeFunction | undefined {
  try {
    // The vectors that go with it are laid out for little-endian machines of 64 bits.
    return ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch) ? load() : undefined;
  } catch {
    return undefined;
  }
}
