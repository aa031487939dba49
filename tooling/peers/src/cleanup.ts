/** What has to be gone when the process goes: children by their own number, and folders. */
import { rmSync } from 'node:fs';

const children = new Set<{ kill(signal: NodeJS.Signals): boolean }>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function trackChild(child: { kill(signal: NodeJS.Signals): boolean }): () => void {
  children.add(child);
  return () => children.delete(child);
}

export function trackFolder(folder: string): () => void {
  folders.add(folder);
  return () => folders.delete(folder);
}
