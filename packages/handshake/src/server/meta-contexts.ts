/** `NBD_OPT_SET_META_CONTEXT` and `NBD_OPT_LIST_META_CONTEXT` ("Metadata querying"). */
import {
  encodeMetaContextReply,
  type MetaContextOption,
  Option,
  OptionReply,
  type OptionRequest,
} from '@nbdjs/protocol';
import { listContexts, selectContexts } from './context-queries.ts';
import type { ServerConversation } from './conversation.ts';
import { askForExport, refuseExport } from './exports.ts';
import type { ServerStep } from './steps.ts';

type MetaContextRequest = Extract<OptionRequest, { readonly option: MetaContextOption }>;

/** Names the contexts of an export that the queries mean, and selects them when the option is `SET_META_CONTEXT`. */
export function* nameContexts(
  conversation: ServerConversation,
  { option, exportName, queries }: MetaContextRequest,
): ServerStep<void> {
  const isSet = option === Option.SetMetaContext;
  if (isSet && conversation.mode === 'simple') {
    const text = 'contexts need structured replies or extended headers first';
    conversation.refuse(option, OptionReply.ErrInvalid, text);
    return;
  }
  const offer = yield* askForExport(conversation, exportName, 'contexts');
  if (refuseExport(conversation, option, exportName, offer)) return;
  const names = (isSet ? selectContexts : listContexts)(offer.contexts, queries);
  const { contextsMax } = conversation.settings.limits;
  if (isSet && names.length > contextsMax) {
    const text = `${names.length} contexts are too many, at most ${contextsMax} can be selected`;
    conversation.refuse(option, OptionReply.ErrTooBig, text);
    return;
  }
  const contexts = names.map((name) => ({ name, id: isSet ? offer.contexts.indexOf(name) + 1 : 0 }));
  for (const context of contexts) conversation.output.push(encodeMetaContextReply(option, context));
  conversation.acknowledge(option);
  if (isSet) conversation.selection = { exportName, contexts };
}
