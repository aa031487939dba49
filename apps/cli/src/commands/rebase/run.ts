/** `nbd rebase`: as `qemu-img rebase`. */
import { argumentError } from '../../errors/argument-error.ts';
import { describeBacking } from '../../images/describe-backing.ts';
import { formatOfName, formatOfWord } from '../../images/formats.ts';
import { loadImages } from '../../images/load.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { createCountLine } from '../../render/count-line.ts';
import { roundedSize } from '../../render/human-size.ts';
import type { RebaseOptions } from './command.ts';

export async function run({ terminal }: CommandContext, options: RebaseOptions, path: string): Promise<number> {
  const { backing: name, quiet, unsafe } = options;
  if (name === '' && options.backingFormat !== undefined) {
    throw argumentError('--backing-format: there is no image below');
  }
  const over = name === '' ? 'over no other image' : `over ${name}`;
  if (unsafe === true) {
    const { renameBacking } = await loadImages();
    await renameBacking(path, name === '' ? undefined : { name, format: formatFor(options) });
    if (quiet !== true) await terminal.print(`${path}: ${over}; nothing was compared\n`);
    return 0;
  }
  const writtenBytes = await rebase(terminal, options, path);
  if (quiet !== true) await terminal.print(`${path}: ${over}; ${roundedSize(writtenBytes)} written\n`);
  return 0;
}

async function rebase(terminal: CommandContext['terminal'], options: RebaseOptions, path: string): Promise<number> {
  const { backing: name, quiet } = options;
  const { rebaseImage } = await loadImages();
  const line = createCountLine(terminal, quiet === true);
  const onProgress = (done: number, total: number): void =>
    line.show(`${roundedSize(done)} of ${roundedSize(total)} compared`);
  const opened = name === '' ? undefined : await describeBacking(path, name, options, terminal);
  try {
    const next = opened && { ...opened, name };
    return await rebaseImage(path, next, options, terminal.signal, onProgress);
  } finally {
    line.finish();
    await opened?.device.close();
  }
}

/** In the words of QEMU. */
function formatFor({ backing, backingFormat }: RebaseOptions): string {
  const word = backingFormat ?? formatOfName(backing) ?? 'raw';
  const format = formatOfWord(word);
  if (format === undefined) throw argumentError(`--backing-format: '${word}' is not a format that is known here`);
  return format === 'vhd' ? 'vpc' : format;
}
