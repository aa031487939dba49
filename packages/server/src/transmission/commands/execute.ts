/**
 * Carries out a request that was admitted, and writes its reply. Each command is a plain function of the connection's context and
 * the request: it returns a promise only where the device does, and throws where the device does.
 */
import { Command, CommandFlag, commands } from '@nbdjs/protocol';
import type { ServerRequest } from '../server-request.ts';
import { blockStatus, statusMemoryBytes } from './block-status.ts';
import type { CommandContext } from './command-context.ts';
import { changeDurably, fuaOf } from './durability.ts';
import { read } from './read.ts';
import { replyWhenDone } from './reply-when-done.ts';
import { resize } from './resize.ts';
import { write } from './write.ts';

export function execute(context: CommandContext, request: ServerRequest): void | Promise<void> {
  const { type, offset, length } = request;
  const { device } = context;
  if (length === 0 && type !== Command.Flush && type !== Command.Resize) {
    context.writer.done(request);
    return undefined;
  }
  switch (type) {
    case Command.Read:
      return read(context, request);
    case Command.Write:
      return write(context, request);
    case Command.Flush:
      return replyWhenDone(context, request, context.holder.flush());
    case Command.Trim:
      return changeDurably(context, request, () => device.trim(offset, length, fuaOf(context, request)));
    case Command.WriteZeroes: {
      const noHole = request.has(CommandFlag.NoHole);
      const fastZero = request.has(CommandFlag.FastZero);
      const options = { noHole, fastZero, ...fuaOf(context, request) };
      return changeDurably(context, request, () => device.writeZeroes(offset, length, options));
    }
    case Command.Cache:
      return replyWhenDone(context, request, device.cache(offset, length));
    case Command.BlockStatus:
      return blockStatus(context, request);
    case Command.Resize:
      return replyWhenDone(context, request, resize(context, offset));
  }
  throw new Error(`command ${commands.name(type)} has come through the validation`);
}

/** Bytes of memory that a request takes while the device works on it. */
export function memoryBytesOf(context: CommandContext, request: ServerRequest): number {
  const { type, length, reservedBytes, failure } = request;
  if (failure !== undefined) return reservedBytes;
  if (type === Command.Read) return Number(length);
  return type === Command.BlockStatus ? statusMemoryBytes(context, request) : reservedBytes;
}
