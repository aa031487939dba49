/** Where and with what it was measured. */
import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { findPeer, type Generation } from '@nbdjs/peers';
import type { Machine } from './report.ts';

/** Servers are those of the generation, clients those of the machine. */
export function describeMachine(generation: Generation): Machine {
  const processors = cpus();
  const version = (program: Parameters<typeof findPeer>[0], of: Generation): string =>
    findPeer(program, of)?.version ?? 'missing';
  return {
    date: new Date().toISOString().slice(0, 10),
    processors: `${processors.length} x ${processors[0]?.model ?? 'unknown'}`,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    programs: {
      nbdkit: version('nbdkit', generation),
      'qemu-nbd': version('qemu-nbd', generation),
      'libnbd (nbdcopy)': version('nbdcopy', 'bookworm'),
      fio: version('fio', 'bookworm'),
      strace: versionFrom('strace', ['-V']),
      cc: versionFrom('cc', ['--version']),
    },
  };
}

function versionFrom(program: string, args: readonly string[]): string {
  const { stdout, error } = spawnSync(program, args, { encoding: 'utf8' });
  return error === undefined ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? 'unknown') : 'missing';
}
