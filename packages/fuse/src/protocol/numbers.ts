/**
 * The numbers of the kernel's FUSE protocol that are used here, as in `linux/fuse.h`. The kernel uses the byte order of the machine; machines whose
 * order is not little end first are refused when a mount is made.
 */

/** What the kernel asks for. */
export const Opcode = {
  Lookup: 1,
  Forget: 2,
  GetAttributes: 3,
  SetAttributes: 4,
  Symlink: 6,
  MakeNode: 8,
  MakeDirectory: 9,
  Unlink: 10,
  RemoveDirectory: 11,
  Rename: 12,
  Link: 13,
  Open: 14,
  Read: 15,
  Write: 16,
  StatFilesystem: 17,
  Release: 18,
  Sync: 20,
  Flush: 25,
  Init: 26,
  OpenDirectory: 27,
  ReadDirectory: 28,
  ReleaseDirectory: 29,
  SyncDirectory: 30,
  Create: 35,
  Interrupt: 36,
  Destroy: 38,
  BatchForget: 42,
  Allocate: 43,
  Rename2: 45,
  Seek: 46,
  SyncFilesystem: 50,
  TemporaryFile: 51,
} as const;

/** The version that is spoken: 7.39, of Linux 6.6. With a kernel that knows another one, the older of both is spoken. */
export const protocolMajor = 7;
export const protocolMinor = 39;

/** The oldest version that has what is needed here (long requests), of Linux 4.20. */
export const minorMin = 28;

/** From this version on, direct writes of one file run side by side, and the page cache learns of them (Linux 6.6). */
export const parallelWritesMinor = 39;

export const headerBytes = 40;
export const replyHeaderBytes = 16;

/** Flags of the session that both sides have to want. */
export const InitFlag = {
  AsyncRead: 1 << 0,
  BigWrites: 1 << 5,
  AsyncDirectIo: 1 << 15,
  ParallelDirectoryOperations: 1 << 18,
  MaxPages: 1 << 22,
  /** There are 32 more flags. */
  Extended: 1 << 30,
} as const;

/** Of the second 32 flags. */
export const InitFlag2 = {
  /** Files that bypass the page cache can be mapped, and the cache is kept in step with them. */
  DirectIoAllowsMapping: 1 << 4,
} as const;

/** Of the answer to `Open`. */
export const OpenFlag = {
  DirectIo: 1 << 0,
  /** Closing it waits for no `Flush` (Linux 5.16). */
  NoFlush: 1 << 5,
  ParallelDirectWrites: 1 << 6,
} as const;

/** What a `SetAttributes` sets. */
export const AttributeFlag = {
  Mode: 1 << 0,
  User: 1 << 1,
  Group: 1 << 2,
  Size: 1 << 3,
  ModificationTime: 1 << 5,
  ModificationTimeNow: 1 << 8,
} as const;

/** Modes of `fallocate`. */
export const AllocateMode = { KeepSize: 0x01, PunchHole: 0x02, ZeroRange: 0x10 } as const;

/** What is looked for by a `Seek`. */
export const Whence = { Data: 3, Hole: 4 } as const;

/** Linux's error numbers, which differ from those of other systems. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  ENOMEM: 12,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ENOSYS: 38,
  EPROTO: 71,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ESHUTDOWN: 108,
} as const;

export type ErrorNumber = (typeof Errno)[keyof typeof Errno];

/** File types, as in a mode. */
export const FileType = { Directory: 0o040000, Regular: 0o100000 } as const;

/** The root of the mount. */
export const rootNode = 1;

/** The smallest page of the kernel. Where pages are larger, the limits in bytes decide (`max_read`, `writeBytesMax`). */
export const pageBytes = 4096;
