/** `NBD_OPT_EXPORT_NAME`: the only option of the plain newstyle, and the fall-back where there is no `GO`. */
import type { ExportFacts } from '@nbdjs/interfaces';
import { decodeExportNameReply, exportNameReplyBytes, Option } from '@nbdjs/protocol';
import { receive } from '../script/steps.ts';
import type { Conversation } from './conversation.ts';
import { factsOf } from './facts.ts';
import type { Step } from './steps.ts';

/** Opens the export. The server can refuse only by hanging up, so there is no refusal to return. */
export function* useExportName(conversation: Conversation, exportName: string): Step<ExportFacts> {
  conversation.ask({ option: Option.ExportName, exportName });
  const reply = decodeExportNameReply(yield* receive(exportNameReplyBytes(conversation.noZeroes)));
  conversation.farewell = 'disconnect';
  return factsOf(conversation, exportName, reply);
}
