/** Metadata contexts: listing and selecting them. */

import { baseAllocation } from '@nbdjs/interfaces';
import { concatenate } from '@nbdjs/kit';
import { Command, isOptionError, Option, OptionReply, WireError } from '@nbdjs/protocol';
import { requireError, requireInStep, unlessHungUp } from '../checks/answers.ts';
import { faultOfText } from '../checks/list-check.ts';
import type { Examination } from '../examination/examination.ts';
import { agreeOn, go } from '../examination/open-session.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { type Answers, describeFinal, type Haggling, isAck } from '../wire/haggling.ts';
import { contextPayload, contextsOf, u32 } from '../wire/payloads.ts';
import { rulesOf } from './rule.ts';

const optionTypes = 'Option types';
const base = 'The `base:` metadata namespace';
const unknownNamespace = 'x-nbdjs-examiner:nothing';
const unknownLeaf = 'base:nbdjs-examiner-nothing';

export const contextRules = rulesOf('contexts', [
  {
    id: 'S31/list-all',
    level: 'MUST',
    section: optionTypes,
    sent: 'LIST_META_CONTEXT without queries',
    expected: 'all contexts that can be selected, base:allocation among them if it can be',
    async judge(examination) {
      const listed = contextsOf(await list(examination, []));
      for (const { name } of listed) {
        const fault = faultOfText(new TextEncoder().encode(name), 'name of a context');
        if (fault !== undefined || !/^[^\s:]+:/.test(name))
          throw new Fault(fault ?? `the context '${name}' has no namespace`);
      }
      const haggling = await ready(examination);
      const selected = contextsOf(await set(haggling, examination, [baseAllocation]));
      const hasBase = listed.some(({ name }) => name === baseAllocation || name === 'base:');
      if (selected.length > 0 && !hasBase) throw new Fault('base:allocation can be selected, and is not listed');
    },
  },
  {
    id: 'S33/zero-in-lists',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'LIST_META_CONTEXT without queries',
    expected: 'the reserved id of each context is 0',
    async judge(examination) {
      const other = contextsOf(await list(examination, [])).find(({ id }) => id !== 0);
      if (other !== undefined) throw new Fault(`the context '${other.name}' has the id ${other.id} in a list`);
    },
  },
  {
    id: 'S32/base-wildcard-in-lists',
    level: 'MUST',
    section: base,
    sent: 'LIST_META_CONTEXT with the query base:',
    expected: 'the contexts of that namespace',
    async judge(examination) {
      const haggling = await ready(examination);
      const selected = contextsOf(await set(haggling, examination, [baseAllocation]));
      if (selected.length === 0) throw new Inapplicable('the server has no base:allocation');
      const listed = contextsOf(await list(examination, ['base:']));
      if (!listed.some(({ name }) => name === baseAllocation)) throw new Fault('base:allocation is not in the list');
      const other = listed.find(({ name }) => !name.startsWith('base:'));
      if (other !== undefined) throw new Fault(`'${other.name}' is in the list, which the query does not match`);
    },
  },
  {
    id: 'S32/base-wildcard-in-selections',
    level: 'MUST',
    section: base,
    sent: 'SET_META_CONTEXT with the query base:',
    expected: 'ACK, and no context',
    judge: (examination) => selectsNone(examination, ['base:']),
  },
  {
    id: 'S31/select-none',
    level: 'MUST',
    section: optionTypes,
    sent: 'SET_META_CONTEXT without queries',
    expected: 'ACK, and no context',
    judge: (examination) => selectsNone(examination, []),
  },
  {
    id: 'S29/unknown-namespace',
    level: 'MUST',
    section: optionTypes,
    sent: `SET_META_CONTEXT and LIST_META_CONTEXT with the query ${unknownNamespace}`,
    expected: 'ACK, and no context',
    async judge(examination) {
      await selectsNone(examination, [unknownNamespace]);
      await listsNone(examination, [unknownNamespace]);
    },
  },
  {
    id: 'S29/unknown-leaf',
    level: 'MUST',
    section: base,
    sent: `SET_META_CONTEXT and LIST_META_CONTEXT with the query ${unknownLeaf}`,
    expected: 'ACK, and no context',
    async judge(examination) {
      await selectsNone(examination, [unknownLeaf]);
      await listsNone(examination, [unknownLeaf]);
    },
  },
  {
    id: 'S29/no-colon',
    level: 'MUST',
    section: optionTypes,
    hangUp: 'SHOULD',
    sent: 'SET_META_CONTEXT with a query without a colon',
    expected: 'ERR_INVALID, or ACK without a context',
    async judge(examination) {
      const haggling = await ready(examination);
      const answers = await set(haggling, examination, ['nbdjs'], true);
      await requireInStep(haggling);
      if (isAck(answers) && answers.parts.length > 0) throw new Fault('a context is selected');
    },
  },
  malformed('S29/query-longer-than-option', 'a query that is said to be longer than the option', (name) =>
    concatenate([u32(name.length), name, u32(1), u32(1000), new TextEncoder().encode('base:')]),
  ),
  malformed('S29/more-queries-than-there-are', '5 queries announced, and none there', (name) =>
    concatenate([u32(name.length), name, u32(5)]),
  ),
  malformed('S29/name-longer-than-option', 'a name of an export that is said to be longer than the option', (name) =>
    concatenate([u32(name.length + 1000), name, u32(0)]),
  ),
  malformed('S29/shorter-than-its-fields', '2 bytes in all', () => new Uint8Array(2)),
  {
    id: 'S30/without-structured-replies',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'SET_META_CONTEXT before STRUCTURED_REPLY',
    expected: 'ERR_INVALID',
    async judge(examination) {
      const haggling = await examination.haggle();
      const answers = await set(haggling, examination, [baseAllocation], true);
      await requireInStep(haggling);
      if (isOptionError(answers.final.type)) return;
      throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_INVALID`);
    },
  },
  {
    id: 'S33/unique-ids',
    level: 'MUST',
    section: optionTypes,
    sent: 'SET_META_CONTEXT with all contexts that are listed',
    expected: 'each context has an id of its own',
    async judge(examination) {
      const { contexts } = examination.survey;
      if (contexts.length === 0) throw new Inapplicable('the server lists no contexts');
      const selected = contextsOf(await set(await ready(examination), examination, contexts));
      const ids = new Set(selected.map(({ id }) => id));
      if (ids.size < selected.length) throw new Fault('two contexts have the same id');
      if (selected.length === contexts.length) return undefined;
      return `${selected.length} of ${contexts.length} contexts that are listed can be selected together`;
    },
  },
  {
    id: 'S29/many-queries',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'SET_META_CONTEXT with 500 queries of an unknown namespace',
    expected: 'ACK, or ERR_TOO_BIG, and the next option is understood',
    async judge(examination) {
      const haggling = await ready(examination);
      const queries = Array.from({ length: 500 }, (_, index) => `x-nbdjs-examiner:${index}`);
      const answers = await set(haggling, examination, queries, true);
      await requireInStep(haggling);
      if (!isAck(answers) && answers.final.type !== OptionReply.ErrTooBig) {
        throw new Fault(`the answer is ${describeFinal(answers)}, expected ACK or ERR_TOO_BIG`);
      }
    },
  },
  replaced('S34/replaced', 'SET_META_CONTEXT without queries', (name) => contextPayload(name)),
  replaced('S34/replaced-by-a-failure', 'a malformed SET_META_CONTEXT', (name) =>
    concatenate([contextPayload(name).subarray(0, -4), u32(5)]),
  ),
]);

/** A connection on which contexts can be selected. */
async function ready(examination: Examination): Promise<Haggling> {
  examination.requireExport();
  const haggling = await examination.haggle();
  await agreeOn(haggling, 'structured');
  return haggling;
}

async function list(examination: Examination, queries: readonly string[]): Promise<Answers> {
  const haggling = await ready(examination);
  const answers = await haggling.ask(Option.ListMetaContext, contextPayload(examination.exportName, queries));
  if (answers.final.type === OptionReply.ErrUnsupported) throw new Inapplicable('the server has no contexts');
  if (!isAck(answers)) throw new Fault(`LIST_META_CONTEXT is answered by ${describeFinal(answers)}`);
  return answers;
}

async function set(
  haggling: Haggling,
  { exportName }: Examination,
  queries: readonly string[],
  mayFail = false,
): Promise<Answers> {
  const answers = await haggling.ask(Option.SetMetaContext, contextPayload(exportName, queries));
  if (answers.final.type === OptionReply.ErrUnsupported) throw new Inapplicable('the server has no contexts');
  if (!isAck(answers) && !mayFail) throw new Fault(`SET_META_CONTEXT is answered by ${describeFinal(answers)}`);
  return answers;
}

async function selectsNone(examination: Examination, queries: readonly string[]): Promise<undefined> {
  const haggling = await ready(examination);
  const [first] = contextsOf(await set(haggling, examination, queries));
  if (first !== undefined) throw new Fault(`the context '${first.name}' is selected`);
}

async function listsNone(examination: Examination, queries: readonly string[]): Promise<void> {
  const [first] = contextsOf(await list(examination, queries));
  if (first !== undefined) throw new Fault(`the context '${first.name}' is listed`);
}

/** A request of which a part lies outside of the option. */
function malformed(id: string, sent: string, payload: (name: Uint8Array) => Uint8Array) {
  return {
    id,
    level: 'MUST' as const,
    section: optionTypes,
    hangUp: 'SHOULD' as const,
    sent: `SET_META_CONTEXT: ${sent}; then an unknown option`,
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination: Examination): Promise<string | undefined> {
      const haggling = await ready(examination);
      const bytes = payload(new TextEncoder().encode(examination.exportName));
      const answers = await unlessHungUp(haggling.ask(Option.SetMetaContext, bytes));
      if (answers === undefined) return 'the server hangs up, which it may: the client has broken a rule';
      const { type } = answers.final;
      if (type === OptionReply.ErrUnsupported) throw new Inapplicable('the server has no contexts');
      if (!isOptionError(type)) throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_INVALID`);
      await requireInStep(haggling);
      return type === OptionReply.ErrInvalid ? undefined : `the answer is ${describeFinal(answers)}`;
    },
  };
}

/** A second SET_META_CONTEXT ends the first selection, so that BLOCK_STATUS has no context. */
function replaced(id: string, sent: string, payload: (name: string) => Uint8Array) {
  return {
    id,
    level: 'MUST' as const,
    section: optionTypes,
    hangUp: 'SHOULD' as const,
    sent: `SET_META_CONTEXT for base:allocation, then ${sent}, GO and BLOCK_STATUS`,
    expected: 'no block status: the second option has replaced the selection',
    async judge(examination: Examination): Promise<void> {
      const haggling = await ready(examination);
      const selected = contextsOf(await set(haggling, examination, [baseAllocation]));
      if (selected.length === 0) throw new Inapplicable('the server has no base:allocation');
      const again = await unlessHungUp(haggling.ask(Option.SetMetaContext, payload(examination.exportName)));
      if (again === undefined) throw new Inapplicable('the server hangs up at the second option');
      const session = await go(haggling, examination.exportName, 'structured', { contexts: [], asksForSizes: true });
      const length = examination.pieceOf(session);
      requireError(await session.ask({ command: Command.BlockStatus, length }), WireError.Einval);
    },
  };
}
