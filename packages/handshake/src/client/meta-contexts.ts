/** `NBD_OPT_SET_META_CONTEXT` and `NBD_OPT_LIST_META_CONTEXT` ("Metadata querying"). */
import type { SelectedContext } from '@nbdjs/interfaces';
import { faultOfName, Option, OptionReply, parseMetaContextReply, quoted } from '@nbdjs/protocol';
import { type Conversation, violation } from './conversation.ts';
import { isQuery } from './options.ts';
import type { Refusal } from './refusals.ts';
import { exchange, ignoreRefusal, requireWellFormed } from './replies.ts';
import type { Step } from './steps.ts';

/** Selects the contexts of the caller's options, unless the caller has selected some for this export itself. */
export function* negotiateContexts(conversation: Conversation, exportName: string): Step<void> {
  const { contexts, allContexts } = conversation.settings;
  if (conversation.mode === 'simple' || (contexts.length === 0 && !allContexts)) return;
  if (conversation.avoids(Option.SetMetaContext)) return;
  if (conversation.selection?.exportName === exportName) return;
  const queries = allContexts ? yield* withListed(conversation, exportName, contexts) : contexts;
  if (queries.length === 0) return;
  const refusal = yield* setMetaContexts(conversation, exportName, queries);
  if (refusal !== undefined) ignoreRefusal(conversation, refusal);
}

/** Some contexts, and those that the server lists if it has a list. */
function* withListed(
  conversation: Conversation,
  exportName: string,
  contexts: readonly string[],
): Step<readonly string[]> {
  if (conversation.avoids(Option.ListMetaContext)) return contexts;
  const listed = yield* listMetaContexts(conversation, exportName, []);
  if ('replyType' in listed) {
    ignoreRefusal(conversation, listed);
    return contexts;
  }
  return [...new Set([...contexts, ...listed.filter(isQuery)])];
}

/** Replaces the selection. It is empty when the server refuses, even if contexts were named before (C33, C35). */
export function* setMetaContexts(
  conversation: Conversation,
  exportName: string,
  queries: readonly string[],
): Step<Refusal | undefined> {
  const names = new Map<number, string>();
  conversation.selection = { exportName, contexts: [] };
  const refusal = yield* exchange(
    conversation,
    { option: Option.SetMetaContext, exportName, queries },
    contextReplies(conversation, ({ id, name }) => {
      const fault = faultOfName(name);
      if (fault !== undefined)
        throw violation('malformed-context', `name of the context ${quoted(name)} ${fault}`, 'G2');
      if (!answersOne(queries, name)) {
        throw violation('unrequested-context', `server selected ${quoted(name)}, which was not asked for`, 'S29');
      }
      if (names.has(id) && names.get(id) !== name) {
        const message = `server gave the id ${id} to two contexts: ${quoted(names.get(id) ?? '')} and ${quoted(name)}`;
        throw violation('repeated-context-id', message, 'S33');
      }
      names.set(id, name);
    }),
  );
  if (refusal === undefined) {
    conversation.selection = { exportName, contexts: Array.from(names, ([id, name]) => ({ id, name })) };
  }
  return refusal;
}

/** Collects the names of the contexts that the server offers; no queries means all of them. */
export function* listMetaContexts(
  conversation: Conversation,
  exportName: string,
  queries: readonly string[],
): Step<Refusal | readonly string[]> {
  const names = new Set<string>();
  const refusal = yield* exchange(
    conversation,
    { option: Option.ListMetaContext, exportName, queries },
    // Ids have no meaning in a list (C34).
    contextReplies(conversation, ({ name }) => names.add(name)),
  );
  return refusal ?? [...names];
}

function contextReplies(conversation: Conversation, take: (context: SelectedContext) => void) {
  return {
    type: OptionReply.MetaContext,
    repliesMax: conversation.settings.limits.contextsMax,
    take: (payload: Uint8Array) => take(requireWellFormed(parseMetaContextReply(payload), payload)),
  };
}

/**
 * Whether a context can be the answer to one of the queries. Only the namespace is compared, because a namespace may have its own
 * wildcards.
 */
function answersOne(queries: readonly string[], name: string): boolean {
  return queries.some((query) => name.startsWith(query.slice(0, query.indexOf(':') + 1)));
}
