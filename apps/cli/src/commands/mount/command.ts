/** The command line of `nbd mount`. Options are nbdfuse's, and more. */
import { imageOptions } from '../../images/options.ts';
import { servedDiskOptions } from '../../objects/options.ts';
import { alias } from '../../options/alias.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { upstreamOptions } from '../../options/server.ts';
import { count } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type MountOptions = OptionsOf<typeof declareMount>;

/** Connections to a server that allows several. */
export const connectionsDefault = 4;

export function declareMount(context: CommandContext) {
  const operand = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(
    context,
    'mount',
    'make a server, a disk image or a block device a file (Linux, FUSE)',
    usage,
  )
    .argument(
      '<device>',
      'FILE, memory:SIZE, folder:PATH#DISK, s3://BUCKET/DISK, an NBD URI or [ COMMAND ARGUMENTS ]',
      operand,
    )
    .argument('<path>', 'a plain file to mount over, an empty directory (the file is DIR/nbd), or a new name in one')
    .argument('[command...]', 'after --: run this command with the mount, and unmount when it ends')
    .option('-r, --read-only', 'refuse to write')
    .option('--partitions', 'mount disk, p1, p2, ... in an empty directory: the disk and each of its partitions')
    .option('--allow-other', 'let other users read and write, too')
    .option(
      '-C, --connections <n>',
      `connections to a server that allows several (default: ${connectionsDefault})`,
      count('--connections', 1, 64),
    )
    .option('-P, --pid-file <path>', 'write the process id to this file when the mount is there')
    .addOption(alias('--pid-file <path>', '--pidfile <path>'))
    .addOption(alias('--read-only', '--readonly'))
    .option('-q, --quiet', 'do not print where the file is');
  const sourced = addGroups(command, upstreamOptions(), imageOptions(), servedDiskOptions());
  return addGroups(addNoHangup(sourced, context), webClientOptions(), clientTlsOptions()).option(
    '-v, --verbose',
    'print more about errors',
  );
}
