/** `nbd list`: the devices of the kernel that are attached. */
import { type AttachedDevice, findAttachedDevice, listAttachedDevices } from '@nbdjs/attach';
import type { CommandContext } from '../../options/command-context.ts';
import { alignedRows } from '../../render/aligned-rows.ts';
import { exactJson } from '../../render/exact-json.ts';
import { exactSize } from '../../render/human-size.ts';
import { printable } from '../../render/printable.ts';
import type { ListCommandOptions } from './command.ts';

export async function run(
  { terminal }: CommandContext,
  { json }: ListCommandOptions,
  paths: readonly string[],
): Promise<number> {
  const devices = paths.length === 0 ? listAttachedDevices() : paths.flatMap((path) => findAttachedDevice(path) ?? []);
  await terminal.print(json === true ? `${exactJson({ devices: devices.map(factsOf) })}\n` : textOf(devices));
  return devices.length < paths.length ? 1 : 0;
}

function factsOf({ path, size, readOnly, pid, identifier }: AttachedDevice) {
  return { device: path, size, readOnly, pid: pid ?? null, server: identifier };
}

function textOf(devices: readonly AttachedDevice[]): string {
  if (devices.length === 0) return '';
  const rows = devices.map(({ path, size, readOnly, pid, identifier }) => [
    path,
    exactSize(size),
    readOnly ? 'ro' : 'rw',
    pid === undefined ? 'ended' : String(pid),
    printable(identifier ?? '-'),
  ]);
  return alignedRows([['device', 'size', 'access', 'process', 'server'], ...rows]);
}
