/** Folder stores in another process, called by messages. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@nbdjs/interfaces';
import { type ObjectStore, StoreError } from '../../src/index.ts';

export interface Call {
  readonly id: number;
  readonly path: string;
  readonly method: 'get' | 'put' | 'head' | 'delete' | 'list' | 'close';
  readonly words: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly code: string; readonly message: string };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class StoreProcess {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  private constructor() {
    const program = fileURLToPath(new URL('./store-program.ts', import.meta.url));
    this.child = fork(program, { serialization: 'advanced' });
    this.child.on('message', (answer: Answer) => this.#settle(answer));
    this.child.on('exit', () => {
      for (const one of this.#waiting.values()) one.reject(new Error('the process has ended'));
    });
  }

  static async start(): Promise<StoreProcess> {
    const process = new StoreProcess();
    await once(process.child, 'message');
    return process;
  }

  /** The store of a folder, as that process has it. */
  open(path: string): ObjectStore {
    // Signals stay here: no rule of two processes has one.
    const call = (method: Call['method'], ...words: readonly unknown[]): Promise<never> =>
      new Promise((resolve, reject) => {
        const id = ++this.#count;
        this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
        this.child.send({ id, path, method, words } satisfies Call, (error) => error && reject(error));
      });
    return {
      name: path,
      abilities: { conditionalPut: true, conditionalDelete: true, bodyBytesMax: 2 ** 31 - 1 },
      get: (key, options) => call('get', key, options),
      put: (key, body, options) => call('put', key, body, options),
      head: (key, options) => call('head', key, options),
      delete: (key, options) => call('delete', key, options),
      list: (prefix, options) => call('list', prefix, options),
      close: () => call('close'),
    };
  }

  async kill(): Promise<void> {
    const { child } = this;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  #settle({ id, result, error }: Answer): void {
    const one = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) {
      one?.resolve(result);
      return;
    }
    const Kind = error.name === 'StoreError' ? StoreError : UsageError;
    one?.reject(new Kind(error.code as never, error.message));
  }
}
