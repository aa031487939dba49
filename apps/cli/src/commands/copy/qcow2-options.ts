/** Options of `nbd copy` about a destination that is a qcow2 image. */
import { Option } from '@commander-js/extra-typings';
import { newImageOptions } from '../../images/new-image-options.ts';

export function qcow2Options() {
  return newImageOptions()
    .addOption(
      new Option(
        '--compress <how>',
        'compress a qcow2 destination; zstd is quicker, deflate is read by old programs, too',
      ).choices(['deflate', 'zstd'] as const),
    )
    .option('--backing <file>', 'write to a qcow2 destination only what differs from this image, named from its folder')
    .option('--backing-format <format>', 'the format of that image (default: what its name says)');
}
