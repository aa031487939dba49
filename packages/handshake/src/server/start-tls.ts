/** `NBD_OPT_STARTTLS` ("TLS support"). */
import { Option, OptionReply } from '@nbdjs/protocol';
import { upgrade } from '../script/steps.ts';
import type { ServerConversation } from './conversation.ts';
import type { ServerStep } from './steps.ts';

export function* startTls(conversation: ServerConversation): ServerStep<void> {
  if (conversation.settings.tls === 'off') {
    conversation.refuse(Option.StartTls, OptionReply.ErrPolicy, 'TLS is not configured');
    return;
  }
  if (conversation.tls) {
    conversation.refuse(Option.StartTls, OptionReply.ErrInvalid, 'TLS is running already');
    return;
  }
  conversation.acknowledge(Option.StartTls);
  conversation.enter('tls', 'setting up TLS');
  conversation.events.push({ type: 'tls-upgrade' });
  yield* upgrade();
  conversation.tls = true;
  conversation.stepsDone++;
  conversation.forget();
}
