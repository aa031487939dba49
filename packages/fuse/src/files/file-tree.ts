/** The files of a mount by the numbers that the kernel knows them by. */
import { FileType, rootNode } from '../protocol/numbers.ts';
import type { Attributes, DirectoryEntry } from '../protocol/reply.ts';
import type { DeviceFile } from './device-file.ts';

/** Who owns the files, and who may use them. */
export interface Ownership {
  readonly user: number;
  readonly group: number;
  /** Whether others than the owner may read and write. */
  readonly isShared: boolean;
}

/** One file that is the mount itself, or a directory of files. */
export class FileTree {
  /** The file that the mount is, if it is not a directory. */
  readonly #single: DeviceFile | undefined;
  readonly #files: readonly DeviceFile[];
  readonly #ownership: Ownership;

  constructor(files: readonly DeviceFile[], isSingle: boolean, ownership: Ownership) {
    this.#files = files;
    this.#single = isSingle ? files[0] : undefined;
    this.#ownership = ownership;
  }

  get files(): readonly DeviceFile[] {
    return this.#files;
  }

  /** A file by its number; `undefined` for the directory, and for what is not there. */
  file(node: number): DeviceFile | undefined {
    if (this.#single !== undefined) return node === rootNode ? this.#single : undefined;
    return this.#files[node - rootNode - 1];
  }

  /** Whether there is a file or directory of that number. */
  has(node: number): boolean {
    return node === rootNode || this.file(node) !== undefined;
  }

  /** The number of a file in the directory. */
  lookup(name: string): number | undefined {
    if (this.#single !== undefined) return undefined;
    const index = this.#files.findIndex((file) => file.name === name);
    return index < 0 ? undefined : rootNode + 1 + index;
  }

  get entries(): readonly DirectoryEntry[] {
    const names = this.#files.map(({ name }, index) => ({ node: rootNode + 1 + index, name, isDirectory: false }));
    const directories = ['.', '..'].map((name) => ({ node: rootNode, name, isDirectory: true }));
    return [...directories, ...names];
  }

  attributes(node: number): Attributes {
    const file = this.file(node);
    const { user, group } = this.#ownership;
    if (file !== undefined) {
      const { size, blocks, modifiedMs } = file;
      const mode = FileType.Regular | this.#permissionsOf(file);
      return { node, size, blocks, modifiedMs, mode, links: 1, user, group };
    }
    const modifiedMs = this.#files[0]?.modifiedMs ?? 0;
    const permissions = this.#ownership.isShared ? 0o555 : 0o500;
    return { node, size: 0, blocks: 0, modifiedMs, mode: FileType.Directory | permissions, links: 2, user, group };
  }

  #permissionsOf({ isReadOnly }: DeviceFile): number {
    const all = isReadOnly ? 0o444 : 0o666;
    return this.#ownership.isShared || isReadOnly ? all : all & 0o700;
  }
}
