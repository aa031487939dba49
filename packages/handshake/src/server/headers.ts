/** `NBD_OPT_STRUCTURED_REPLY` and `NBD_OPT_EXTENDED_HEADERS`: the form of requests and replies in the transmission phase. */
import { Option, OptionReply, options } from '@nbdjs/protocol';
import type { ServerConversation } from './conversation.ts';

/** Agrees on structured replies or extended headers, up to the mode that the settings allow. */
export function raiseMode(
  conversation: ServerConversation,
  option: typeof Option.StructuredReply | typeof Option.ExtendedHeaders,
): void {
  const { settings, mode } = conversation;
  const wanted = option === Option.StructuredReply ? 'structured' : 'extended';
  const isOffered = settings.mode === 'extended' || settings.mode === wanted;
  if (!isOffered) {
    conversation.refuse(option, OptionReply.ErrUnsupported, `option ${options.name(option)} is switched off`);
  } else if (wanted === mode) {
    conversation.refuse(option, OptionReply.ErrInvalid, `option ${options.name(option)} is agreed on already`);
  } else if (mode === 'extended') {
    const text = 'extended headers are agreed on, which include structured replies';
    conversation.refuse(option, OptionReply.ErrExtendedHeadersRequired, text);
  } else {
    conversation.mode = wanted;
    conversation.acknowledge(option);
  }
}
