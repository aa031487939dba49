/** What nbdzero(1) and nbddiscard(1), which are one program, have both, beside our command. */
import type { PeerOption } from './peer-tool.ts';

const since = '1.24';

/** The rows for the options. `ours` is our command. */
export function erasingOptions(ours: 'nbd zero' | 'nbd discard'): readonly PeerOption[] {
  return [
    {
      option: '--check',
      aliases: ['-c'],
      meaning: 'change nothing: exit with 1, and say where, if there is data',
      since,
      verdict: 'same by its manual',
      ours: `${ours} -c, --check`,
    },
    {
      option: '--length=N',
      aliases: ['-l'],
      meaning: 'so many bytes, not all to the end',
      since,
      verdict: 'better',
      ours: `${ours} -n N, --length N, -l N`,
      why: 'nbdzero 1.24 fails when N has no unit',
    },
    {
      option: '--offset=N',
      aliases: ['-o'],
      meaning: 'from byte N on',
      since,
      verdict: 'better',
      ours: `${ours} -o N, --offset N`,
      why: 'nbdzero 1.24 fails when N has no unit',
    },
    {
      option: '--yes',
      aliases: ['-y'],
      meaning: 'do not ask',
      since,
      verdict: 'same by its manual',
      ours: `${ours} -y, --yes`,
    },
    {
      option: '--quiet',
      aliases: ['-q'],
      meaning: 'do not say where data is, nor that a range ends behind the disk',
      since,
      verdict: 'same by its manual',
      ours: `${ours} -q, --quiet`,
    },
    {
      option: '--verbose',
      aliases: ['-v'],
      meaning: 'print what the library does, call by call',
      since,
      verdict: 'left out',
      why: '[`nbd proxy`](commands/nbd-proxy.md) in front of the server prints each message, decoded; our `-v` prints the causes of errors',
    },
    {
      option: '--help',
      aliases: ['-h'],
      meaning: 'show help',
      since,
      verdict: 'same by its manual',
      ours: `${ours} --help, -h`,
    },
    {
      option: '--version',
      aliases: ['-V'],
      meaning: 'show the version',
      since,
      verdict: 'same by its manual',
      ours: 'nbd --version, -V',
    },
  ];
}

/** The rows for operands and manners. */
export function erasingManners(ours: 'nbd zero' | 'nbd discard'): readonly PeerOption[] {
  return [
    {
      option: 'NBD-URI',
      meaning: 'the export of a server',
      since,
      verdict: 'better',
      ours: `${ours} DISK`,
      why: 'a file, a block device, and `[ CMD ARGS ]` are possible, too',
    },
    {
      option: 'a question first',
      meaning: 'whether all is to be erased',
      since,
      verdict: 'better',
      ours,
      why: 'without a terminal, ours fails rather than taking what it reads for an answer',
    },
    {
      option: 'a range that ends behind the disk',
      meaning: 'what is done about it',
      since,
      verdict: 'better',
      ours: `${ours} --offset N --length N`,
      why: 'nbdzero erases what there is, or does nothing, and succeeds',
    },
  ];
}
