/** `nbd mount`: a device as a file, until the program is stopped, or a command has ended. */
import { type Mount, mountDevice, mountDevices } from '@nbdjs/fuse';
import { type BlockDevice, limits } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { Upstreams } from '../../connecting/upstreams.ts';
import { oneLine } from '../../errors/one-line.ts';
import { requireFiles } from '../../images/options.ts';
import { LostDisks } from '../../objects/lost-disks.ts';
import { requireDiskOptions } from '../../objects/options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, type Operand } from '../../options/operand.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';
import { openSource } from '../serve/open-source.ts';
import { writePidFile } from '../serve/pid-file.ts';
import { isMemory } from '../serve/source.ts';
import { connectionsDefault, type MountOptions } from './command.ts';
import { partitionFiles } from './partition-files.ts';
import { runWithMount } from './run-with-mount.ts';

/** How long programs may keep the file open after the path is free, in milliseconds. */
const graceMs = 2000;

export async function run(
  { terminal }: CommandContext,
  options: MountOptions,
  operand: Operand,
  path: string,
  command: readonly string[],
): Promise<number> {
  requireFiles(options, operand.type === 'file' && isMemory(operand.path) ? [] : [operand]);
  requireDiskOptions(options, operand.type === 'disk' ? 1 : 0);
  const lost = new AbortController();
  const lostDisks = new LostDisks(1, terminal, () => lost.abort());
  const upstreams = new Upstreams(options, terminal, limits.closeMs);
  let exitCode = 0;
  const device = await openSource(withTls(operand, options), options, { upstreams, lostDisks, terminal });
  const cancelEnd: (() => void)[] = [];
  try {
    upstreams.widen(options.connections ?? connectionsDefault);
    const mount = await makeMount(device, describeOperand(operand), path, options, terminal);
    let removePidFile = (): void => {};
    try {
      if (options.pidFile !== undefined) removePidFile = writePidFile(options.pidFile);
      if (options.quiet !== true) terminal.note(announcement(operand, mount, path, command.length > 0));
      exitCode =
        command.length > 0
          ? await runWithMount(command, mount, terminal)
          : await untilEnd(mount, [terminal.signal, lost.signal], terminal);
    } finally {
      cancelEnd.push(upstreams.endInTime());
      await mount.unmount({ graceMs });
      removePidFile();
    }
    // Programs that do not ask for it rely on the end of the mount.
    if (device.abilities.flush && !device.abilities.readOnly && !lost.signal.aborted) await device.flush();
  } finally {
    if (cancelEnd.length === 0) cancelEnd.push(upstreams.endInTime());
    await device.close();
    for (const cancel of cancelEnd) cancel();
  }
  return exitCode || lostDisks.exitCode;
}

async function makeMount(
  device: BlockDevice,
  name: string,
  path: string,
  { readOnly, allowOther, partitions }: MountOptions,
  { signal }: Terminal,
): Promise<Mount> {
  if (partitions !== true) return await mountDevice(device, path, { readOnly, allowOther });
  return await mountDevices(await partitionFiles(device, name, signal), path, { readOnly, allowOther });
}

function announcement(operand: Operand, { paths }: Mount, path: string, hasCommand: boolean): string {
  const end = hasCommand ? '' : `; Ctrl-C or fusermount3 -u ${printable(path)} ends it`;
  return `nbd: ${printable(describeOperand(operand))} is ${printable(paths.join(', '))}${end}`;
}

/** Waits for the end of the mount, or for a reason to end it. Returns the exit code. */
async function untilEnd(mount: Mount, reasons: readonly AbortSignal[], terminal: Terminal): Promise<number> {
  const isToEnd = new Promise<undefined>((resolve) => {
    for (const reason of reasons) {
      if (reason.aborted) resolve(undefined);
      reason.addEventListener('abort', () => resolve(undefined), { once: true });
    }
  });
  const error = await Promise.race([mount.ended, isToEnd]);
  if (error === undefined) return 0;
  terminal.note(`nbd: the mount has ended: ${oneLine(error)}`);
  return 1;
}
