/** WRITE: the payload is in the request's buffer, or has landed where the device stores it. */
import { CommandFlag } from '@nbdjs/protocol';
import { exactly } from '../request-memory.ts';
import type { ServerRequest } from '../server-request.ts';
import type { CommandContext } from './command-context.ts';
import { changeDurably, fuaOf } from './durability.ts';
import { replyWhenDone } from './reply-when-done.ts';

export function write(context: CommandContext, request: ServerRequest): void | Promise<void> {
  const { memory, payloadBytes, offset } = request;
  const { device, holder } = context;
  context.statistics.writtenBytes += payloadBytes;
  const isDurable = request.has(CommandFlag.Fua);
  if (request.isStored) {
    return replyWhenDone(context, request, isDurable ? holder.settle(holder.lossCount) : undefined);
  }
  if (memory === undefined) throw new Error('a write without its payload');
  const payload = exactly(memory, payloadBytes);
  if (!isDurable) return replyWhenDone(context, request, device.write(offset, payload));
  return changeDurably(context, request, () => device.write(offset, payload, fuaOf(context, request)));
}
