/** A server that is killed and started again, on the same socket. */
import { existsSync, rmSync } from 'node:fs';
import { type Child, spawnChild } from '@nbdjs/peers/local';

const startMs = 15_000;

export class Restarting implements AsyncDisposable {
  readonly socketPath: string;
  /** How often it was killed. */
  kills = 0;
  readonly #command: readonly [string, ...string[]];
  #child: Child | undefined;

  /** `command` has to listen on `socketPath`. */
  constructor(socketPath: string, command: readonly [string, ...string[]]) {
    this.socketPath = socketPath;
    this.#command = command;
  }

  get uri(): string {
    return `nbd+unix:///?socket=${this.socketPath}`;
  }

  /** Settles when its socket is there. */
  async start(): Promise<void> {
    this.#child = spawnChild(this.#command, { stdio: 'ignore' });
    for (const deadline = performance.now() + startMs; !existsSync(this.socketPath); ) {
      if (performance.now() > deadline) throw new Error(`${this.#command.join(' ')} does not listen`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ends it without any warning; it is gone when this settles. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#child?.exited;
    this.#child = undefined;
    this.kills++;
    rmSync(this.socketPath, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
