/** Carries out the marked blocks of a guide, in an empty folder, as its reader does. */
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Child,
  canUseFuse,
  createWorkspace,
  type Generation,
  missingOf,
  nbdCommand,
  programs,
  runCommandLine,
  spawnChild,
  trixieRoot,
  type Workspace,
} from '@nbdjs/peers';
import { type Block, wordValue } from './blocks.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const hook = join(root, 'tooling/vitest/typescript-hook.mjs');
const stepMs = 60_000;
/** Used by guides, and with one generation only, so that it is not among the peers that have to be there. */
const storageDaemon = 'qemu-storage-daemon';
/** What a guide that mounts takes, all of it the machine's own. */
const mounting = ['fusermount3', 'fuse2fs', 'mkfs.ext4', 'debugfs', 'sfdisk', 'qemu-img'] as const;

/** Whether a generation has all programs that a guide names, and may do what it does. */
export function hasPrograms(blocks: readonly Block[], generation: Generation): boolean {
  const text = blocks
    .filter(isMarked)
    .map((block) => block.text)
    .join('');
  if (text.includes('nbd mount')) {
    return generation === 'bookworm' && canUseFuse() && missingOf(mounting, generation).length === 0;
  }
  return (
    !text.includes(storageDaemon) || (generation === 'trixie' && existsSync(join(trixieRoot, 'usr/bin', storageDaemon)))
  );
}

/** Whether a block says what is to be done with it. */
export function isMarked({ words }: Block): boolean {
  return words.length > 0;
}

export class GuideReader implements AsyncDisposable {
  readonly #workspace: Workspace;
  /** The folder by the path that the programs of both Debians see. */
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #background = new Map<string, Child>();
  #printed = '';

  /** @param variables what the reader has in the environment, such as credentials */
  constructor(generation: Generation, variables: Readonly<Record<string, string>> = {}) {
    this.#workspace = createWorkspace(generation);
    this.#folder = this.#workspace.peerPath('');
    if (generation === 'trixie') symlinkSync(this.#workspace.folder, this.#folder);
    const bin = this.#path('bin');
    mkdirSync(bin);
    // The variable is for the guide's own scripts, and not for a program that is built.
    this.#program('nbd', ['env', '-u', 'NODE_OPTIONS', ...nbdCommand()]);
    if (generation === 'trixie') for (const name of [...programs, storageDaemon]) this.#chrootProgram(name);
    mkdirSync(this.#path('node_modules'));
    symlinkSync(join(root, 'packages'), this.#path('node_modules/@nbdjs'));
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#env = {
      ...env,
      ...variables,
      PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin:${env.PATH ?? ''}`,
      NODE_OPTIONS: `--conditions=@nbdjs/source --import=${hook}`,
      // What is remembered of an earlier run, and where certificates are looked for.
      HOME: this.#workspace.folder,
    };
  }

  /** Does what a block says. */
  async follow(block: Block): Promise<void> {
    const { text, words, line } = block;
    const value = (name: string): string | undefined => wordValue(block, name);
    const [file, stopped, awaited, started] = [value('file'), value('stop'), value('wait'), value('background')];
    if (stopped !== undefined) await this.#stop(stopped);
    if (awaited !== undefined) await this.#ended(awaited);
    if (file !== undefined) writeFileSync(this.#path(file), text);
    else if (words.includes('output')) this.#compare(text);
    else if (started !== undefined) await this.#start(started, text, value('until'));
    else if (words.includes('run')) await this.#run(text, Number(value('code') ?? 0));
    else throw new Error(`line ${line}: ${words.join(' ')} means nothing`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#background.keys()]) await this.#stop(name);
    if (this.#workspace.generation === 'trixie') rmSync(this.#folder);
    this.#workspace.dispose();
  }

  async #run(text: string, expected: number): Promise<void> {
    const options = { env: this.#env, timeoutMs: stepMs };
    const { code, stdout, stderr } = await runCommandLine(this.#shell(`set -e\n${text}`), options);
    this.#printed = stdout.toString();
    if (code !== expected) throw new Error(`ended with ${code}, expected ${expected}:\n${text}${stdout}${stderr}`);
  }

  async #start(name: string, text: string, until: string | undefined): Promise<void> {
    await this.#stop(name);
    if (until !== undefined) rmSync(this.#path(until), { force: true });
    const child = spawnChild(this.#shell(`exec ${text}`), { stdio: ['ignore', 'ignore', 'inherit'], env: this.#env });
    this.#background.set(name, child);
    if (until !== undefined) await this.#appearance(until, child);
  }

  async #appearance(file: string, child: Child): Promise<void> {
    let hasEnded = false;
    void child.exited.then(() => (hasEnded = true));
    const deadline = performance.now() + stepMs;
    while (!existsSync(this.#path(file))) {
      if (hasEnded) throw new Error(`the program ended before ${file} was there`);
      if (performance.now() > deadline) throw new Error(`${file} did not appear within ${stepMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ctrl-C. */
  async #stop(name: string): Promise<void> {
    const child = this.#background.get(name);
    this.#background.delete(name);
    if (child?.kill('SIGINT') !== true) return;
    const timer = setTimeout(child.kill, stepMs, 'SIGKILL');
    await child.exited;
    clearTimeout(timer);
  }

  async #ended(name: string): Promise<void> {
    const child = this.#background.get(name);
    this.#background.delete(name);
    const timer = setTimeout(() => child?.kill('SIGKILL'), stepMs);
    const exit = await child?.exited;
    clearTimeout(timer);
    if (exit?.code !== 0) throw new Error(`${name} ended with ${exit?.code ?? exit?.signal}`);
  }

  #compare(expected: string): void {
    if (this.#printed !== expected) throw new Error(`printed:\n${this.#printed}\nexpected:\n${expected}`);
  }

  #shell(script: string): [string, ...string[]] {
    return ['/bin/bash', '-c', `cd "$0"\n${script}`, this.#folder];
  }

  /** A program of the other Debian sees the folder by another path. */
  #chrootProgram(name: string): void {
    this.#program(name, ['chroot', trixieRoot, '/bin/sh', '-c', `'cd ${this.#folder} && exec ${name} "$@"'`, 'sh']);
  }

  #program(name: string, command: readonly string[]): void {
    const path = this.#path(`bin/${name}`);
    writeFileSync(path, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`);
    chmodSync(path, 0o755);
  }

  #path(name: string): string {
    return this.#workspace.hostPath(name);
  }
}
