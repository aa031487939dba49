/** Which peers this machine has. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * `bookworm`: the machine's own programs, of any Debian version. `trixie`: those of the next Debian, in a folder, run
 * by chroot, which needs root.
 */
export type Generation = 'bookworm' | 'trixie';

export const allGenerations = ['bookworm', 'trixie'] as const;

export const programs = [
  'qemu-nbd',
  'qemu-img',
  'qemu-io',
  'nbdkit',
  'nbdinfo',
  'nbdcopy',
  'nbddump',
  'nbdfuse',
  'nbdsh',
  'nbd-server',
  'fio',
  'certtool',
  'sfdisk',
  'xz',
  'zstd',
  'gzip',
  'tar',
] as const;

/** Of the machine only: a judge, not a peer with an age. */
const tools = [
  'openssl',
  'chromium',
  'genisoimage',
  'ceph',
  'ceph-authtool',
  'ceph-mon',
  'ceph-osd',
  'monmaptool',
  'radosgw',
  'radosgw-admin',
  'fusermount3',
  'mkfs.ext4',
  'debugfs',
  'fuse2fs',
] as const;

/** Of the newer Debian only. */
const newer = ['qemu-storage-daemon', 'nbd-client'] as const;

export type Program = (typeof programs)[number] | (typeof tools)[number] | (typeof newer)[number];

/** The folder of the second generation. */
export const trixieRoot = resolve(process.env.NBDJS_TRIXIE || '/var/lib/nbdjs-peers/trixie');

const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/bin'];

export interface Peer {
  readonly program: Program;
  readonly generation: Generation;
  /** As seen by its own generation. */
  readonly path: string;
  /** Such as `1.42.3`. */
  readonly version: string;
}

const versions = new Map<string, string>();

/** A program with its version; nothing when it is missing. */
export function findPeer(program: Program, generation: Generation): Peer | undefined {
  const path = findProgram(program, generation);
  return path === undefined ? undefined : { program, generation, path, version: versionOf(program, generation) };
}

/** The path of a program, as seen by its own generation; nothing when it is missing, or all are to count as missing. */
export function findProgram(program: Program, generation: Generation): string | undefined {
  if (process.env.NBDJS_PEERS === 'none') return undefined;
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

/**
 * The environment for programs of Debian. nbdsh runs whichever `python3` comes first, and only the system's own has the
 * module that it needs.
 */
export function peerEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`, ...more };
}

/** The names of peers that are not there. */
export function missingPeers(): readonly string[] {
  const missing = allGenerations.flatMap((generation) => missingOf(programs, generation));
  return [...missing, ...missingOf(tools, 'bookworm'), ...missingOf(newer, 'trixie')];
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

/** The generations of which this machine has every program. */
export function generations(): readonly Generation[] {
  return generationsWith(programs);
}

/** The generations that have all of these programs. */
export function generationsWith(needed: readonly Program[]): readonly Generation[] {
  return allGenerations.filter((generation) => missingOf(needed, generation).length === 0);
}

/** Those of the programs that a generation lacks, by name. */
export function missingOf(needed: readonly Program[], generation: Generation): readonly string[] {
  return needed
    .map((program) => ({ program, home: homeOf(program, generation) }))
    .filter(({ program, home }) => findProgram(program, home) === undefined)
    .map(({ program, home }) => `${program} (${home})`);
}

/** The machine's own tools serve both generations. */
function homeOf(program: Program, generation: Generation): Generation {
  return tools.some((tool) => tool === program) ? 'bookworm' : generation;
}

/** The version that a program tells. */
export function versionOf(program: Program, generation: Generation): string {
  const key = `${program} ${generation}`;
  const known = versions.get(key);
  if (known !== undefined) return known;
  const [command, ...args] = commandLine(program, generation, [program === 'nbd-server' ? '-V' : '--version']);
  const options = { encoding: 'utf8', timeout: 10_000, env: peerEnvironment() } as const;
  const { stdout, stderr } = spawnSync(command, args, options);
  const version = /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
  versions.set(key, version);
  return version;
}
