/** `nbd commit`: as `qemu-img commit`. */
import { loadImages } from '../../images/load.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { createCountLine } from '../../render/count-line.ts';
import { roundedSize } from '../../render/human-size.ts';
import type { CommitOptions } from './command.ts';

export async function run({ terminal }: CommandContext, options: CommitOptions, path: string): Promise<number> {
  const { commitImage } = await loadImages();
  const line = createCountLine(terminal, options.quiet === true);
  const onProgress = (done: number, total: number): void =>
    line.show(`${roundedSize(done)} of ${roundedSize(total)} looked at`);
  const chosen = { ...options, isKept: options.keep === true };
  const report = await commitImage(path, chosen, terminal.signal, onProgress).finally(() => line.finish());
  if (options.quiet === true) return 0;
  const { base, copiedBytes, zeroedBytes, isEmptied } = report;
  const done = `${roundedSize(copiedBytes)} copied and ${roundedSize(zeroedBytes)} zeroed`;
  await terminal.print(`${base}: ${done}; ${path} ${isEmptied ? 'is empty now' : 'is as before'}\n`);
  return 0;
}
