/** Cleans up when the test runner is killed, and no hook of a test runs any more. */
import { spawn } from 'node:child_process';

/** Reads numbers of process groups, the last of which counts; an empty line means none. When its input ends, it ends that group. */
const script = `
while read -r line; do group=$line; done
[ -n "$group" ] && kill -KILL -"$group" 2>/dev/null
rm -rf "$1"
`;

export class CleanupProcess {
  readonly #child;

  constructor(folder: string) {
    const args = ['-c', script, 'cleanup', folder];
    // A process group of its own, so that it survives a signal to our group.
    this.#child = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#child.unref();
  }

  /** Sets the process group that is ended when this process ends; `undefined` when none runs. */
  watch(group: number | undefined): void {
    this.#child.stdin.write(`${group ?? ''}\n`);
  }

  dismiss(): void {
    this.#child.stdin.end();
  }
}
