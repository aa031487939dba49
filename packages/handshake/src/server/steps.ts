/** What the server's script waits for. */
import type { ExportEntry } from '@nbdjs/protocol';
import type { ScriptStep, StreamNeed, UpgradeNeed } from '../script/steps.ts';
import type { ExportOffer, Refusal } from './offer.ts';

/** A part of the server's handshake. */
export type ServerStep<Result> = ScriptStep<StreamNeed | ServerNeed, Result>;

/** What the script needs besides bytes of the client. */
export type ServerNeed = UpgradeNeed | OfferNeed | ListNeed;

interface OfferNeed {
  readonly type: 'offer';
  answer: ExportOffer | Refusal | undefined;
}

interface ListNeed {
  readonly type: 'list';
  answer: readonly ExportEntry[] | Refusal | undefined;
}

/** Waits for the driver's answer which export has a name. */
export function* nextOffer(): ServerStep<ExportOffer | Refusal> {
  const need: OfferNeed = { type: 'offer', answer: undefined };
  while (need.answer === undefined) yield need;
  return need.answer;
}

/** Waits for the driver's answer which exports there are. */
export function* nextList(): ServerStep<readonly ExportEntry[] | Refusal> {
  const need: ListNeed = { type: 'list', answer: undefined };
  while (need.answer === undefined) yield need;
  return need.answer;
}
