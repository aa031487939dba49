/** `NBD_OPT_LIST`. */
import { type ExportEntry, Option, OptionReply, parseServerReply } from '@nbdjs/protocol';
import { type Conversation, violation } from './conversation.ts';
import type { Refusal } from './refusals.ts';
import { exchange, requireWellFormed } from './replies.ts';
import type { Step } from './steps.ts';

/** Collects the exports that the server shows; bounded in number and in bytes. */
export function* list(conversation: Conversation): Step<Refusal | readonly ExportEntry[]> {
  const { listEntriesMax, listBytesMax } = conversation.settings.limits;
  const entries: ExportEntry[] = [];
  let bytes = 0;
  const refusal = yield* exchange(
    conversation,
    { option: Option.List },
    {
      type: OptionReply.Server,
      repliesMax: listEntriesMax,
      take: (payload) => {
        bytes += payload.length;
        if (bytes > listBytesMax) {
          const message = `list of exports is too long: expected at most ${listBytesMax} bytes of names and descriptions`;
          throw violation('list-too-long', message, 'G6');
        }
        entries.push(requireWellFormed(parseServerReply(payload), payload));
      },
    },
  );
  return refusal ?? entries;
}
