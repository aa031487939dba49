/** `NBD_OPT_LIST`. */
import { encodeServerReply, Option } from '@nbdjs/protocol';
import type { ServerConversation } from './conversation.ts';
import { askForList } from './exports.ts';
import { refusalTypes } from './offer.ts';
import type { ServerStep } from './steps.ts';

export function* list(conversation: ServerConversation): ServerStep<void> {
  const answer = yield* askForList(conversation);
  if ('refusal' in answer) {
    conversation.refuse(Option.List, refusalTypes[answer.refusal], answer.text ?? 'exports are not listed');
    return;
  }
  for (const entry of answer) conversation.output.push(encodeServerReply(entry));
  conversation.acknowledge(Option.List);
}
