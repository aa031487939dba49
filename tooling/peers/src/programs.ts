/** Which peers this machine has. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** `bookworm`: the machine's own programs. `trixie`: those of the next Debian, in a folder, run by chroot. */
export type Generation = 'bookworm' | 'trixie';

export const programs = [
  'qemu-nbd',
  'qemu-img',
  'qemu-io',
  'nbdkit',
  'nbdinfo',
  'nbdcopy',
  'nbddump',
  'nbd-server',
] as const;

export type Program = (typeof programs)[number] | 'fio';

/** The folder of the second generation. */
export const trixieRoot = process.env.NBDJS_TRIXIE ?? '/var/lib/nbdjs-peers/trixie';

const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/bin'];

/** The path of a program, as seen by its own generation; nothing when it is missing. */
export function findProgram(program: Program, generation: Generation): string | undefined {
  if (generation === 'trixie' && process.getuid?.() !== 0) return undefined;
  const root = generation === 'trixie' ? trixieRoot : '';
  const folder = folders.find((one) => existsSync(`${root}${one}/${program}`));
  return folder === undefined ? undefined : `${folder}/${program}`;
}

/** The command line that runs a program of a generation; the process that it becomes is the program itself. */
export function commandLine(program: Program, generation: Generation, args: readonly string[]): [string, ...string[]] {
  const path = findProgram(program, generation);
  if (path === undefined) throw new Error(`the peer ${program} of ${generation} is not installed`);
  return generation === 'trixie' ? ['chroot', trixieRoot, path, ...args] : [path, ...args];
}

/** The names of peers that are not there. */
export function missingPeers(): readonly string[] {
  const missing = (['bookworm', 'trixie'] as const).flatMap((generation) =>
    programs
      .filter((program) => findProgram(program, generation) === undefined)
      .map((program) => `${program} (${generation})`),
  );
  return findProgram('fio', 'bookworm') === undefined ? [...missing, 'fio'] : missing;
}

/** What tests print about missing peers: one line, empty when all are there. */
export function missingPeersLine(): string {
  const missing = missingPeers();
  return missing.length === 0 ? '' : `missing peers, whose tests are skipped: ${missing.join(', ')}`;
}

/** Whether a missing peer is a failure rather than a skipped test. */
export function peersRequired(): boolean {
  return process.env.NBDJS_REQUIRE_PEERS === '1';
}

/** The generations that have all of these programs. */
export function generationsWith(needed: readonly Program[]): readonly Generation[] {
  return (['bookworm', 'trixie'] as const).filter((generation) =>
    needed.every((program) => findProgram(program, program === 'fio' ? 'bookworm' : generation) !== undefined),
  );
}

/** The version that a program tells. */
export function versionOf(program: Program, generation: Generation): string {
  const [command, ...args] = commandLine(program, generation, [program === 'nbd-server' ? '-V' : '--version']);
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}
