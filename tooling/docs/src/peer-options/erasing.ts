/** What nbdzero(1) and nbddiscard(1), which are one program, have both, beside our command. */
import type { PeerOption } from './peer-tool.ts';

/** The rows for the options. `ours` is our command. */
export function erasingOptions(ours: 'nbd zero' | 'nbd discard'): readonly PeerOption[] {
  return [
    {
      option: '--check',
      aliases: ['-c'],
      meaning: 'change nothing: exit with 1, and say where, if there is data',
      verdict: 'same by its manual',
      ours: `${ours} -c, --check`,
    },
    {
      option: '--length=N',
      aliases: ['-l'],
      meaning: 'so many bytes, not all to the end',
      verdict: 'better',
      ours: `${ours} -n N, --length N, -l N`,
      why: 'nbdzero 1.24 fails when N has no unit',
    },
    {
      option: '--offset=N',
      aliases: ['-o'],
      meaning: 'from byte N on',
      verdict: 'better',
      ours: `${ours} -o N, --offset N`,
      why: 'nbdzero 1.24 fails when N has no unit',
    },
    {
      option: '--yes',
      aliases: ['-y'],
      meaning: 'do not ask',
      verdict: 'same by its manual',
      ours: `${ours} -y, --yes`,
    },
    {
      option: '--quiet',
      aliases: ['-q'],
      meaning: 'do not say where data is',
      verdict: 'same by its manual',
      ours: `${ours} -q, --quiet`,
    },
    {
      option: '--verbose',
      aliases: ['-v'],
      meaning: 'print what the library does, call by call',
      verdict: 'left out',
      why: '[`nbd proxy`](commands/nbd-proxy.md) in front of the server prints each message, decoded; our `-v` prints the causes of errors',
    },
    {
      option: '--help',
      aliases: ['-h'],
      meaning: 'show help',
      verdict: 'same by its manual',
      ours: `${ours} --help, -h`,
    },
    {
      option: '--version',
      aliases: ['-V'],
      meaning: 'show the version',
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
      verdict: 'better',
      ours: `${ours} DISK`,
      why: 'a file, a block device, and `[ CMD ARGS ]` are possible, too',
    },
    {
      option: 'a question first',
      meaning: 'whether all is to be erased',
      verdict: 'better',
      ours,
      why: 'without a terminal, ours fails rather than taking what it reads for an answer',
    },
    {
      option: 'a range that ends behind the disk',
      meaning: 'what there is is erased',
      verdict: 'same by its manual',
      ours: `${ours} --length N`,
      why: 'without a warning, as a length is "at most" in all our commands',
    },
    {
      option: 'a range that begins behind the disk',
      meaning: 'there is nothing to erase',
      verdict: 'better',
      ours: `${ours} --offset N`,
      why: 'it fails; nbdzero warns, and succeeds',
    },
    {
      option: 'exit codes',
      meaning: 'with `--check`, 1 means that there is data',
      verdict: 'better',
      ours,
      why: 'a failure is 2; nbdzero ends with 1 for both, so that a script cannot tell one from the other',
    },
  ];
}
