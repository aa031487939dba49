/** The command line of `nbd attach`. */
import { Option } from '@commander-js/extra-typings';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { parseServer } from '../../options/operand.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { modeOption, parseRetries, silenceOption } from '../../options/server.ts';
import { count, powerOfTwo } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

/** `timeout` and `keep` are in seconds. */
export type AttachCommandOptions = OptionsOf<typeof declareAttach>;

export function declareAttach(context: CommandContext) {
  const summary = 'make an export a block device of Linux, /dev/nbdN, that outlasts the loss of its server';
  const command = beginCommand(context, 'attach', summary, usage)
    .argument('<server>', 'an NBD URI, or [ COMMAND ARGUMENTS ]', (word: string) => parseServer(word, context.brackets))
    .argument('[device]', 'such as /dev/nbd0 (default: the first one that is free)')
    .option('-r, --read-only', 'refuse to write')
    .option(
      '-C, --connections <n>',
      'connections of the kernel, and to a server that allows several',
      count('--connections', 1, 16),
      1,
    )
    .option(
      '-b, --block-size <size>',
      'blocks of the kernel, 512 to 4096 (default: the smallest that the server has)',
      powerOfTwo('--block-size', 512, 4096),
    )
    .option(
      '-t, --timeout <seconds>',
      'how long requests wait for a server that is away, 0 for as long as it takes',
      count('--timeout', 0, 31_536_000),
      0,
    )
    .option(
      '--keep <seconds>',
      'how long requests wait for a --take-over, if this program ends without detaching',
      count('--keep', 0, 86_400),
      0,
    )
    .option('--take-over', 'go on with a device whose program has ended without detaching')
    .addOption(viaOption())
    .option('--json', 'print JSON');
  return addGroups(
    addNoHangup(command, context),
    optionGroup()
      .addOption(modeOption())
      .option('--retries <n>', 'wait for a server that is not there yet, for so many tries', parseRetries, 0)
      .addOption(silenceOption('0 for never (default: 60)')),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}

/** The way to the kernel, for commands that need one. */
export function viaOption() {
  return new Option('--via <way>', 'the way to the kernel (default: netlink, where the kernel has it)').choices([
    'netlink',
    'ioctl',
  ] as const);
}
