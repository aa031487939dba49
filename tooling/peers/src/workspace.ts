/** A fresh folder that both a peer and its test can see. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trackFolder } from './cleanup.ts';
import { type Generation, trixieRoot } from './programs.ts';

/** The room for a socket's path in its address, without the byte that ends it. */
const maxSocketPathBytes = 107;

export function createWorkspace(generation: Generation): Workspace {
  return new Workspace(generation);
}

export class Workspace implements Disposable, AsyncDisposable {
  readonly generation: Generation;
  /** The folder as we see it. */
  readonly folder: string;
  readonly #untrack: () => void;

  constructor(generation: Generation) {
    this.generation = generation;
    const base = generation === 'trixie' ? join(trixieRoot, 'tmp') : tmpdir();
    mkdirSync(base, { recursive: true });
    // Short, because the address of a socket has little room.
    this.folder = mkdtempSync(join(base, 'np-'));
    this.#untrack = trackFolder(this.folder);
  }

  /** A file in the folder, as we see it. */
  hostPath(name: string): string {
    return join(this.folder, name);
  }

  /** The same file, as a peer of this generation sees it. */
  peerPath(name: string): string {
    return this.generation === 'trixie' ? join(this.folder.slice(trixieRoot.length), name) : this.hostPath(name);
  }

  /** A file that can be a socket's address, as we see it; throws when its path is too long for that. */
  socketPath(name: string): string {
    const path = this.hostPath(name);
    if (Buffer.byteLength(path) > maxSocketPathBytes) {
      throw new Error(`${path} is too long for a socket; set TMPDIR or NBDJS_TRIXIE to a shorter folder`);
    }
    return path;
  }

  /** Removes the folder with all that is in it. Servers in it have to be stopped before. */
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
    this.#untrack();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
  }
}
