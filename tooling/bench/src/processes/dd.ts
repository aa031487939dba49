/** dd(1): files of any length, without their bytes in our memory. */
import { spawnSync } from 'node:child_process';

/** @throws when dd fails; `purpose` completes the sentence "dd cannot ...". */
export function dd(args: readonly string[], purpose: string): void {
  const { status, stderr } = spawnSync('dd', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`dd cannot ${purpose}: ${stderr}`);
}
