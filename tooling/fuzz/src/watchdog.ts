/** Ends a process that does not come back from an input, and saves the input: from a thread, because nothing else runs then. */
import { Worker } from 'node:worker_threads';
import { encodeInput } from './input-file.ts';
import { inputBytesMax } from './mutations.ts';
import type { Input, Target } from './target.ts';

const silentMsMax = 60_000;

const watcher = `
const { parentPort, workerData } = require('node:worker_threads');
const { writeFileSync, mkdirSync } = require('node:fs');
const { shared, folder, silentMsMax, names } = workerData;
const state = new Int32Array(shared, 0, 4);
let seen = -1;
let since = Date.now();
setInterval(() => {
  const now = Atomics.load(state, 0);
  if (now !== seen) { seen = now; since = Date.now(); return; }
  if (Date.now() - since < silentMsMax) return;
  mkdirSync(folder, { recursive: true });
  const file = folder + 'hang-' + names[state[1]] + '-' + now + '.input';
  writeFileSync(file, new Uint8Array(shared, 16, state[2]));
  require('node:fs').writeSync(2, 'hang: ' + names[state[1]] + ' does not come back; the input is ' + file + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

export class Watchdog {
  readonly #shared = new SharedArrayBuffer(16 + inputBytesMax + 4);
  readonly #state = new Int32Array(this.#shared, 0, 4);
  readonly #bytes = new Uint8Array(this.#shared, 16);
  readonly #names: readonly string[];
  readonly #worker: Worker;

  /** `folder`: where the input goes. */
  constructor(targets: readonly Target[], folder: string) {
    this.#names = targets.map(({ name }) => name);
    const workerData = { shared: this.#shared, folder, silentMsMax, names: this.#names };
    this.#worker = new Worker(watcher, { eval: true, workerData, execArgv: [] });
    this.#worker.unref();
  }

  /** An input is about to be run. */
  note(target: Target, input: Input): void {
    const file = encodeInput(input);
    this.#bytes.set(file);
    this.#state[1] = this.#names.indexOf(target.name);
    this.#state[2] = file.length;
    Atomics.add(this.#state, 0, 1);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
