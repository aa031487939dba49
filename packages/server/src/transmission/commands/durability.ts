/** FUA: a change that is answered when it is durable (S49). Where the device knows only flushes, a flush follows. */
import { CommandFlag } from '@nbdjs/protocol';
import type { ServerRequest } from '../server-request.ts';
import type { CommandContext } from './command-context.ts';
import { replyWhenDone } from './reply-when-done.ts';

const withFua = { fua: true } as const;

/** The option for the device, where FUA is asked for and the device knows it. */
export function fuaOf({ device }: CommandContext, request: ServerRequest): typeof withFua | undefined {
  return request.has(CommandFlag.Fua) && device.abilities.fua ? withFua : undefined;
}

/** Carries out a change, and replies when it is as durable as the request asks. */
export function changeDurably(
  context: CommandContext,
  request: ServerRequest,
  change: () => void | Promise<void>,
): void | Promise<void> {
  const { device, holder } = context;
  if (!request.has(CommandFlag.Fua) || device.abilities.fua) return replyWhenDone(context, request, change());
  const { lossCount } = holder;
  return replyWhenDone(
    context,
    request,
    Promise.resolve(change()).then(() => holder.settle(lossCount)),
  );
}
