/** `nbd check-image`: as `qemu-img check`, with its exit codes. */
import type { CheckReport } from '../../images/check-image.ts';
import { loadImages } from '../../images/load.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { exactJson } from '../../render/exact-json.ts';
import type { CheckImageOptions } from './command.ts';

/** Exit codes of `qemu-img check`; errors of the command itself are 1. */
const exitCodes = { right: 0, corrupt: 2, leaking: 3 } as const;

export async function run({ terminal }: CommandContext, options: CheckImageOptions, path: string): Promise<number> {
  const { checkImage } = await loadImages();
  const report = await checkImage(path, options.repair, terminal.signal);
  if (options.json === true) await terminal.print(`${exactJson(jsonOf(path, report))}\n`);
  else if (options.quiet !== true) await terminal.print(textOf(report));
  if (report.corruptions > 0) return exitCodes.corrupt;
  return report.leaks > 0 ? exitCodes.leaking : exitCodes.right;
}

function jsonOf(path: string, report: CheckReport) {
  const { findings, ...counts } = report;
  return {
    filename: path,
    format: 'qcow2',
    'check-errors': 0,
    corruptions: counts.corruptions,
    leaks: counts.leaks,
    'corruptions-fixed': counts.corruptionsRepaired,
    'leaks-fixed': counts.leaksRepaired,
    'image-end-offset': counts.imageEndBytes,
    'total-clusters': counts.totalClusters,
    'allocated-clusters': counts.allocatedClusters,
    'fragmented-clusters': counts.fragmentedClusters,
    'compressed-clusters': counts.compressedClusters,
    findings: findings.map(({ kind, message, isRepaired }) => ({ kind, message, fixed: isRepaired })),
  };
}

function textOf(report: CheckReport): string {
  const { corruptions, leaks, corruptionsRepaired, leaksRepaired, findings } = report;
  const lines = findings.map(({ kind, message, isRepaired }) => `${isRepaired ? 'repaired' : kind}: ${message}`);
  const all = corruptions + leaks + corruptionsRepaired + leaksRepaired;
  if (all > findings.length) lines.push(`... and ${all - findings.length} more`);
  if (corruptionsRepaired + leaksRepaired > 0) {
    lines.push(
      `${counted(corruptionsRepaired, 'corruption')} and ${counted(leaksRepaired, 'leaked cluster')} repaired`,
    );
  }
  if (corruptions > 0)
    lines.push(`${counted(corruptions, 'corruption')}: the disk may read wrongly, or a write may destroy data`);
  if (leaks > 0)
    lines.push(`${counted(leaks, 'leaked cluster')}: storage that nothing uses; --repair leaks gives it back`);
  if (corruptions + leaks === 0) lines.push('the image is right');
  lines.push(usage(report), `it ends at byte ${report.imageEndBytes} of its file`);
  return `${lines.join('\n')}\n`;
}

function usage({ totalClusters, allocatedClusters, fragmentedClusters, compressedClusters }: CheckReport): string {
  const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;
  const stored = `${allocatedClusters} of ${totalClusters} clusters (${share(allocatedClusters, totalClusters)}) are stored`;
  return `${stored}, ${share(fragmentedClusters, allocatedClusters)} of them fragmented, ${share(compressedClusters, allocatedClusters)} compressed`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
