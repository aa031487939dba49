/** `nbd attach`: an export as `/dev/nbdN`, by our client and a session that the kernel talks to. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type Attachment, attachDevice } from '@nbdjs/attach';
import type { NbdClient } from '@nbdjs/client';
import { UsageError } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { leaving } from '../../connecting/leaving.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, publicName, type ServerOperand } from '../../options/operand.ts';
import { exactJson } from '../../render/exact-json.ts';
import { roundedSize } from '../../render/human-size.ts';
import type { Terminal } from '../../terminal.ts';
import type { AttachCommandOptions } from './command.ts';
import { openUpstream } from './upstream.ts';

/** How often a device that is in use is tried again, in milliseconds. */
const inUseMs = 500;

export async function run(
  { terminal }: CommandContext,
  options: AttachCommandOptions,
  operand: ServerOperand,
  path: string | undefined,
): Promise<number> {
  if (options.takeOver === true && path === undefined) {
    throw argumentError('--take-over needs the device, such as /dev/nbd0');
  }
  const server = withTls(operand, options);
  const client = await openUpstream(server, options, terminal);
  await using _ = leaving(client, terminal.signal);
  const { readOnly, connections, blockSize, keep, takeOver, via } = options;
  const attachment = await attachDevice(client, {
    path,
    readOnly,
    connections,
    blockSize,
    keepSeconds: keep,
    takeOver,
    via,
    // All users may see it.
    identifier: publicName(operand) ?? describeOperand(operand),
  });
  // When printing fails, the device must not stay.
  await announce(attachment, client, options, terminal).catch(async (error: unknown) => {
    await attachment.detach();
    throw error;
  });
  return await stay(attachment, client, terminal);
}

async function announce(
  { path, size, blockSize, via }: Attachment,
  { name, abilities }: NbdClient,
  { json, readOnly: isReadOnly, connections }: AttachCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const readOnly = isReadOnly === true || abilities.readOnly;
  if (json === true) {
    const facts = { device: path, server: name, size, blockSize, readOnly, connections, via, pid: process.pid };
    await terminal.print(`${exactJson(facts)}\n`);
    return;
  }
  await terminal.print(`${path}\n`);
  terminal.note(`nbd: ${path} is ${name}, ${roundedSize(Number(size))}${readOnly ? ', read-only' : ''}`);
}

/** Waits until the device is detached: by another program, or by us, when a signal comes or the server is gone for good. */
async function stay(attachment: Attachment, client: NbdClient, terminal: Terminal): Promise<number> {
  const stopped = terminal.signal.aborted ? Promise.resolve() : once(terminal.signal, 'abort');
  const reason = await Promise.race([
    attachment.detached.then(() => 'detached' as const),
    stopped.then(() => 'stopped' as const),
    client.closed.then(() => 'lost' as const),
  ]);
  const isWritten = reason === 'detached' || (await detachWhenFree(attachment, terminal));
  const error = await attachment.detached;
  if (error !== undefined) terminal.note(`nbd: ${attachment.path}: ${oneLine(error)}`);
  return reason === 'lost' || !isWritten || error !== undefined ? 1 : 0;
}

/**
 * Detaches as soon as the device is not in use: a file system that is mounted has more to write than the kernel knows by itself. Returns
 * whether all could be written.
 */
async function detachWhenFree(attachment: Attachment, terminal: Terminal): Promise<boolean> {
  let isNoted = false;
  for (;;) {
    try {
      await attachment.detach();
      return true;
    } catch (error) {
      if (!(error instanceof UsageError && error.code === 'ERR_NBD_STATE')) {
        terminal.note(`nbd: ${attachment.path}: ${oneLine(error)}; what is in memory is lost`);
        await attachment.detach({ force: true });
        return false;
      }
      if (!isNoted) terminal.note(`nbd: ${oneLine(error)}; waiting for the end of that (a second signal ends at once)`);
      isNoted = true;
      await Promise.race([wait(inUseMs), attachment.detached]);
    }
  }
}
