/** What a rule is given: connections to the server in any state, and what is known of the server. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { HandshakeFlag, Option } from '@nbdjs/protocol';
import { describeFinal, Haggling, isAck } from '../wire/haggling.ts';
import type { Session } from '../wire/session.ts';
import type { Wire } from '../wire/wire.ts';
import type { Connections } from './connections.ts';
import { openSession, type SessionOptions } from './open-session.ts';
import { Fault, Inapplicable } from './outcomes.ts';
import type { Survey } from './survey.ts';

/** More is not read at a time. */
const pieceBytesMax = 64 * 1024;

/** The way to the server for one rule. */
export class Examination {
  readonly survey: Survey;
  readonly exportName: string;
  readonly #connections: Connections;

  constructor(survey: Survey, connections: Connections) {
    this.survey = survey;
    this.exportName = connections.exportName;
    this.#connections = connections;
  }

  /** A connection on which nothing was read. It replaces those before, unless they have to stay open. */
  async connect(keepsOthers = false): Promise<Wire> {
    return await this.#connections.open(keepsOthers);
  }

  /** A connection in clear text whose greetings are exchanged. */
  async haggleInClear(clientFlags?: number, keepsOthers = false): Promise<Haggling> {
    return await Haggling.begin(await this.connect(keepsOthers), (offered) => clientFlags ?? offered & offeredFlags);
  }

  /** A connection that is ready for options: in TLS, if the server is examined in TLS. */
  async haggle(clientFlags?: number, keepsOthers = false): Promise<Haggling> {
    const { tls } = this.survey;
    if (tls === 'required' && !this.survey.usesTls) {
      throw new Inapplicable('the server requires TLS, and no TLS is set up here');
    }
    const haggling = await this.haggleInClear(clientFlags, keepsOthers);
    if (this.survey.usesTls) await this.startTls(haggling);
    return haggling;
  }

  /** Goes on in TLS. */
  async startTls(haggling: Haggling): Promise<void> {
    const answers = await haggling.ask(Option.StartTls);
    if (!isAck(answers)) throw new Fault(`STARTTLS is refused: ${describeFinal(answers)}`);
    await this.#connections.startTls(haggling.wire);
  }

  /** @throws Inapplicable when the export cannot be opened, so that nothing can be said about it. */
  requireExport(): void {
    const { problem } = this.survey;
    if (problem !== undefined) throw new Inapplicable(problem);
  }

  /** A session in the transmission phase. */
  async open(mode: HeaderMode, options: SessionOptions = {}): Promise<Session> {
    this.requireExport();
    const absent = this.survey.absent[mode];
    if (absent !== undefined) throw new Inapplicable(absent);
    return await openSession(await this.haggle(undefined, options.keepsOthers), this.exportName, mode, options);
  }

  /** The smallest range that is worth reading: at least one block, and within the export. */
  pieceOf({ facts }: Session, most = pieceBytesMax): number {
    if (facts.size === 0n) throw new Inapplicable('the export has no bytes');
    const block = Math.max(facts.blockSizes?.minimum ?? 1, Math.min(most, 4096));
    if (BigInt(block) <= facts.size) return block;
    if ((facts.blockSizes?.minimum ?? 1) > 1) throw new Inapplicable('the export is smaller than its smallest block');
    return Number(facts.size);
  }

  /** As much as fits the export, its block sizes and `most` bytes, in whole blocks. */
  lengthUpTo({ facts }: Session, most: number): number {
    if (facts.size === 0n) throw new Inapplicable('the export has no bytes');
    const { minimum = 1, maximum = most } = facts.blockSizes ?? {};
    const bytes = Math.min(most, maximum, facts.size < BigInt(most) ? Number(facts.size) : most);
    const length = bytes - (bytes % minimum);
    if (length === 0) throw new Inapplicable('the export is smaller than its smallest block');
    return length;
  }
}

/** The flags that are known here. */
const offeredFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;
