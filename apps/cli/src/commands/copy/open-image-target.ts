/** The destination of a copy that is an image. */
import { argumentError } from '../../errors/argument-error.ts';
import type { Operand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import { byteTarget } from './byte-streams.ts';
import type { ImageFormat } from './destination-format.ts';
import { newImageFile, streamedImage, streamTarget } from './image-target.ts';
import { type Qcow2TargetOptions, qcow2Target } from './qcow2-target.ts';
import type { ImageTarget, SourceSide } from './side.ts';

/** An image that is made anew. Its file is made when the copy begins. @throws UsageError when the source is a stream. */
export function openImageTarget(
  operand: Operand,
  format: ImageFormat,
  from: SourceSide,
  options: Qcow2TargetOptions,
  terminal: Terminal,
): ImageTarget {
  if (from.type !== 'device') {
    throw argumentError(`a ${format} image cannot be made of a stream, whose size is not known`);
  }
  if (operand.type === 'file') {
    const { path } = operand;
    if (format === 'qcow2') return qcow2Target(path, from, options, terminal);
    return streamTarget(format, path, () => newImageFile(path, from));
  }
  if (format === 'qcow2') throw argumentError('a qcow2 image has to be a file');
  return streamTarget(format, '-', async () => streamedImage(await byteTarget(1, terminal)));
}
