/** `NBD_OPT_EXTENDED_HEADERS` and `NBD_OPT_STRUCTURED_REPLY`: the form of requests and replies in the transmission phase. */
import { Option } from '@nbdjs/protocol';
import type { Conversation } from './conversation.ts';
import type { Refusal } from './refusals.ts';
import { exchange, ignoreRefusal } from './replies.ts';
import type { Step } from './steps.ts';

/** Agrees on the best mode that both sides can do, up to the highest one that the caller allows. */
export function* negotiateMode(conversation: Conversation): Step<void> {
  const { mode } = conversation.settings;
  // EXPORT_NAME must not follow EXTENDED_HEADERS (C66).
  if (mode === 'extended' && !conversation.avoids(Option.ExtendedHeaders) && !conversation.avoids(Option.Go)) {
    const refusal = yield* extendedHeaders(conversation);
    // Extended headers include structured replies: structured replies need not be asked for.
    if (refusal === undefined) return;
    ignoreRefusal(conversation, refusal);
  }
  if (mode !== 'simple' && !conversation.avoids(Option.StructuredReply)) {
    const refusal = yield* structuredReplies(conversation);
    if (refusal !== undefined) ignoreRefusal(conversation, refusal);
  }
}

export function* extendedHeaders(conversation: Conversation): Step<Refusal | undefined> {
  const refusal = yield* exchange(conversation, { option: Option.ExtendedHeaders });
  if (refusal === undefined) {
    conversation.mode = 'extended';
    // Contexts selected for compact headers are asked for anew, since some need wider status words (S36).
    conversation.selection = undefined;
  }
  return refusal;
}

export function* structuredReplies(conversation: Conversation): Step<Refusal | undefined> {
  const refusal = yield* exchange(conversation, { option: Option.StructuredReply });
  if (refusal === undefined) conversation.mode = 'structured';
  return refusal;
}
