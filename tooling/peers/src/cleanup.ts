/** What has to be removed when this process ends for any reason: child processes, by their process ids, and folders. */
import { rmSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

interface Child {
  kill(signal: NodeJS.Signals): boolean;
}

const children = new Set<Child>();
const folders = new Set<string>();
let isWatching = false;

export function trackChild(child: Child): () => void {
  watch();
  children.add(child);
  return () => children.delete(child);
}

export function trackFolder(folder: string): () => void {
  watch();
  folders.add(folder);
  return () => folders.delete(folder);
}

function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  children.clear();
  folders.clear();
}

/** An uncaught error comes by `exit`, too; a signal without a listener does not. */
function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', endAll);
  if (!isMainThread) return;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      endAll();
      // Our listener has replaced the signal's default action. If there are other listeners, they decide instead.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}
