/** Kills a writer at random, and compares the disk with what it had said. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type CrashNews, type CrashTask, crashBlock, crashBlockBytes, openForCrash } from './crash-writer.ts';

const writerPath = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));

/** What is known of a disk: of each block the versions that it may have. */
export class CrashModel {
  readonly #possible: Set<number>[];
  #writes: { readonly block: number; readonly version: number }[] = [];
  version = 0;
  /** Writes that were flushed, over all crashes. */
  flushedWrites = 0;

  constructor(blocks: number) {
    this.#possible = Array.from({ length: blocks }, () => new Set([0]));
  }

  take(news: CrashNews): void {
    if ('block' in news) {
      this.version = news.version;
      this.#writes.push(news);
      this.#possible[news.block]?.add(news.version);
      return;
    }
    // Only the last of the writes to a block that a flush covers is possible now.
    const last = new Map<number, number>();
    for (const { block, version } of this.#writes) if (version <= news.flushed) last.set(block, version);
    for (const [block, version] of last) {
      const later = [...(this.#possible[block] ?? [])].filter((one) => one > version);
      this.#possible[block] = new Set([version, ...later]);
    }
    this.flushedWrites += this.#writes.filter(({ version }) => version <= news.flushed).length;
    this.#writes = this.#writes.filter(({ version }) => version > news.flushed);
  }

  /** Compares, and takes what was found as the truth from now on. Returns what is wrong, in words. */
  check(bytes: Uint8Array): readonly string[] {
    this.#writes = [];
    return this.#possible.flatMap((possible, block) => {
      const got = bytes.subarray(block * crashBlockBytes, (block + 1) * crashBlockBytes);
      const version = new DataView(got.buffer, got.byteOffset).getUint32(4, true);
      const whole = version === 0 ? new Uint8Array(crashBlockBytes) : crashBlock(block, version);
      this.#possible[block] = new Set([version]);
      if (Buffer.compare(got, whole) !== 0) return [`block ${block} is torn`];
      return possible.has(version)
        ? []
        : [`block ${block} has version ${version}, expected ${[...possible].join(' or ')}`];
    });
  }
}

/** Starts a writer, kills it some time after its first flush, and returns what the disk lacks then. */
export async function crashOnce(task: CrashTask, model: CrashModel, lifeMs: number): Promise<readonly string[]> {
  const env = { ...process.env, CRASH_TASK: JSON.stringify({ ...task, version: model.version }) };
  const child = fork(writerPath, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const exited = once(child, 'exit');
  // All that it had said arrives before this.
  const disconnected = once(child, 'disconnect');
  try {
    await untilFlushed(child, model, exited);
    await new Promise((resolve) => setTimeout(resolve, lifeMs));
    if (child.exitCode !== null) throw new Error('it has ended by itself');
  } catch (error) {
    throw new Error(`the writer failed: ${String(error)} ${complaints}`);
  } finally {
    child.kill('SIGKILL');
    await Promise.all([exited, disconnected]);
  }
  const { disk, store } = await openForCrash(task);
  const bytes = new Uint8Array(task.blocks * crashBlockBytes);
  await disk.read(0, bytes);
  const problems = model.check(bytes);
  await disk.close();
  await store.close();
  return problems;
}

function untilFlushed(child: ChildProcess, model: CrashModel, exited: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (news: CrashNews) => {
      model.take(news);
      if ('flushed' in news) resolve();
    });
    void exited.then(() => reject(new Error('it has ended before its first flush')));
  });
}
