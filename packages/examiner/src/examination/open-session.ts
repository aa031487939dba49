/** From greetings that are exchanged to the transmission phase. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { InfoType, Option } from '@nbdjs/protocol';
import { describeFinal, type Haggling, isAck } from '../wire/haggling.ts';
import { contextPayload, contextsOf, factsOf, infoPayload } from '../wire/payloads.ts';
import { Session } from '../wire/session.ts';
import { Fault, Inapplicable } from './outcomes.ts';

/** How a session is opened. */
export interface SessionOptions {
  /** Metadata contexts to select. @default none */
  readonly contexts?: readonly string[];
  /** Whether the block sizes are asked for, and so promised to be respected. @default true */
  readonly asksForSizes?: boolean;
  /** Whether earlier connections of the same rule stay open. @default false */
  readonly keepsOthers?: boolean;
}

/** Agrees on a mode, selects contexts, and opens the export. */
export async function openSession(
  haggling: Haggling,
  exportName: string,
  mode: HeaderMode,
  { contexts = [], asksForSizes = true }: SessionOptions = {},
): Promise<Session> {
  await agreeOn(haggling, mode);
  let selected: Session['contexts'] = [];
  if (contexts.length > 0) {
    const answers = await haggling.ask(Option.SetMetaContext, contextPayload(exportName, contexts));
    if (!isAck(answers)) throw new Inapplicable(`SET_META_CONTEXT is refused: ${describeFinal(answers)}`);
    selected = contextsOf(answers);
    if (selected.length === 0) throw new Inapplicable('the server has none of the contexts that it is asked for');
  }
  return await go(haggling, exportName, mode, { contexts: selected, asksForSizes });
}

/** Agrees on a mode. */
export async function agreeOn(haggling: Haggling, mode: HeaderMode): Promise<void> {
  if (mode === 'simple') return;
  const option = mode === 'structured' ? Option.StructuredReply : Option.ExtendedHeaders;
  const answers = await haggling.ask(option);
  if (!isAck(answers)) throw new Inapplicable(`the server has no ${mode} replies: ${describeFinal(answers)}`);
}

/** Opens the export by GO. */
export async function go(
  haggling: Haggling,
  exportName: string,
  mode: HeaderMode,
  { contexts, asksForSizes }: { readonly contexts: Session['contexts']; readonly asksForSizes: boolean },
): Promise<Session> {
  const answers = await haggling.ask(Option.Go, infoPayload(exportName, asksForSizes ? [InfoType.BlockSize] : []));
  if (!isAck(answers)) throw new Inapplicable(`GO is refused: ${describeFinal(answers)}`);
  const facts = factsOf(answers);
  if (facts === undefined) throw new Fault('GO is acknowledged without NBD_INFO_EXPORT', { rule: 'S7' });
  return new Session(haggling.wire, mode, facts, contexts);
}
