/** A fresh folder that both a peer and its test can see. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trackFolder } from './cleanup.ts';
import { type Generation, trixieRoot } from './programs.ts';

export class Workspace implements Disposable {
  readonly generation: Generation;
  /** The folder as we see it. */
  readonly folder: string;
  readonly #untrack: () => void;

  constructor(generation: Generation) {
    this.generation = generation;
    const base = generation === 'trixie' ? join(trixieRoot, 'tmp') : tmpdir();
    mkdirSync(base, { recursive: true });
    // Short, because the address of a socket has room for 107 bytes only.
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

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
    this.#untrack();
  }
}
