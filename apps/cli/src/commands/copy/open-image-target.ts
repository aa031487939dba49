/** The destination of a copy that is an image. */
import { argumentError } from '../../errors/argument-error.ts';
import type { Operand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { BackupOrigin } from './backup.ts';
import { byteTarget } from './byte-streams.ts';
import { changesTarget } from './changes-target.ts';
import type { ImageFormat } from './destination-format.ts';
import { newImageFile, streamedImage, streamTarget } from './image-target.ts';
import { type Qcow2TargetOptions, qcow2Target } from './qcow2-target.ts';
import type { ImageTarget, SourceSide } from './side.ts';

/** An image that is made anew. Its file is made when the copy begins. @throws UsageError when the source is a stream. */
export function openImageTarget(
  operand: Operand,
  format: ImageFormat,
  from: SourceSide,
  options: Qcow2TargetOptions & { readonly backup?: BackupOrigin | undefined },
  terminal: Terminal,
): ImageTarget {
  if (from.type !== 'device') {
    const what = format === 'changes' ? 'a file of changes' : `a ${format} image`;
    throw argumentError(`${what} cannot be made of a stream, whose size is not known`);
  }
  if (operand.type === 'file') {
    const { path } = operand;
    if (format === 'changes') return changesTarget(path, options.backup, () => newImageFile(path, from));
    if (format === 'qcow2') return qcow2Target(path, from, options, terminal);
    return streamTarget(format, path, () => newImageFile(path, from));
  }
  if (format === 'qcow2') throw argumentError('a qcow2 image has to be a file');
  if (format === 'changes') {
    return changesTarget('-', options.backup, async () => streamedImage(await byteTarget(1, terminal)));
  }
  return streamTarget(format, '-', async () => streamedImage(await byteTarget(1, terminal)));
}
