/** The parts of the File System API that a device needs. They are written out, so that users need no types of a browser. */
import type { BlobLike } from '../blob/blob-like.ts';

/** `FileSystemSyncAccessHandle`: a file that is open in a dedicated worker. */
export interface SyncAccessHandle {
  /** Returns how many bytes it has read. */
  read(target: Uint8Array, options: { at: number }): number;
  /** Returns how many bytes it has written. */
  write(source: Uint8Array, options: { at: number }): number;
  /** Makes the file this long, in bytes; what is added reads as zeroes. */
  truncate(size: number): void;
  /** The length in bytes. */
  getSize(): number;
  /** Brings what was written to storage. */
  flush(): void;
  /** Ends the use of the file, and lets others open it. */
  close(): void;
}

/** `FileSystemFileHandle`: a file that is not open. */
export interface FileHandle {
  /** The name, without folders. */
  readonly name: string;
  /** The file as it is now, for reading. */
  getFile(): Promise<BlobLike>;
  /** Opens the file. Only dedicated workers have it. */
  createSyncAccessHandle?(options?: { mode: 'read-only' | 'readwrite' }): Promise<SyncAccessHandle>;
}

/** `FileSystemDirectoryHandle`: a folder. */
export interface FolderHandle {
  /** A file in it, which is made when `create` says so. */
  getFileHandle(name: string, options: { create: boolean }): Promise<FileHandle>;
  /** A folder in it, which is made when `create` says so. */
  getDirectoryHandle(name: string, options: { create: boolean }): Promise<FolderHandle>;
}
