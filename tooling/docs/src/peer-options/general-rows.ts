/** The rows that most programs have alike. */
import type { PeerOption } from './peer-tool.ts';

/** `aliases`: other spellings of `--help`, which ours has as well. */
export function helpRow(ours: string, ...aliases: readonly string[]): PeerOption {
  const spellings = [`${ours} --help`, ...aliases].join(', ');
  return { option: '--help', aliases, meaning: 'show help', verdict: 'same', ours: spellings };
}

export const versionRow: PeerOption = {
  option: '--version',
  aliases: ['-V'],
  meaning: 'show the version',
  verdict: 'same',
  ours: 'nbd --version, -V',
};
