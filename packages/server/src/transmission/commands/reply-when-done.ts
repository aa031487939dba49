/** The reply of commands that are answered with success or an error, and nothing else. */
import type { ServerRequest } from '../server-request.ts';
import type { CommandContext } from './command-context.ts';

/** Replies when the device is done with it, at once where it is done already. */
export function replyWhenDone(
  { writer }: CommandContext,
  request: ServerRequest,
  work: void | Promise<void>,
): void | Promise<void> {
  if (work === undefined) {
    writer.done(request);
    return undefined;
  }
  return work.then(() => writer.done(request));
}
