/** What has to be known of a server before its rules can be examined: its modes, TLS, facts and contexts. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { HandshakeFlag, Option, OptionReply } from '@nbdjs/protocol';
import { everyMode } from '../rules/vocabulary.ts';
import type { ExaminedServer } from '../target.ts';
import { type Answers, describeFinal, Haggling, isAck } from '../wire/haggling.ts';
import { contextPayload, contextsOf, type Facts, infoPayload } from '../wire/payloads.ts';
import { Transcript } from '../wire/transcript.ts';
import { type ConnectionSettings, Connections } from './connections.ts';
import { openSession } from './open-session.ts';
import { Fault, HungUp, Inapplicable, Silent } from './outcomes.ts';

/** Which role TLS has at a server: none, by the client's choice, or always. */
export type TlsUse = 'none' | 'optional' | 'required';

/** What is known of a server. */
export interface Survey {
  /** Why the export cannot be opened at all; then only the rules of the handshake are examined. */
  readonly problem: string | undefined;
  /** Whether the handshake flag NO_ZEROES is set. */
  readonly offersNoZeroes: boolean;
  readonly tls: TlsUse;
  /** Whether the examination itself goes on in TLS. */
  readonly usesTls: boolean;
  /** The facts of the export, by mode. */
  readonly facts: Readonly<Partial<Record<HeaderMode, Facts>>>;
  /** Why a mode is not there, by mode. */
  readonly absent: Readonly<Partial<Record<HeaderMode, string>>>;
  /** The names of the contexts that the server lists. */
  readonly contexts: readonly string[];
  /** Whether there seems to be an export of every name. */
  readonly acceptsAnyName: boolean;
}

/** No export has this name, unless a server has one of every name. */
export const unknownName = 'nbdjs-examiner: there is no such export';

/** Finds out what a server is like. */
export class Surveyor {
  readonly #server: ExaminedServer;
  readonly #settings: ConnectionSettings;

  constructor(server: ExaminedServer, settings: ConnectionSettings) {
    this.#server = server;
    this.#settings = settings;
  }

  /** @throws Unreachable when there is no server, or the signal's reason. */
  async survey(): Promise<Survey> {
    const tls = await this.#try(({ clear }) => this.#tls(clear));
    if (typeof tls !== 'string') return { ...nothing, problem: tls.problem };
    const flags = await this.#try(async ({ clear }) => ({ offered: (await clear()).serverFlags }));
    const offersNoZeroes = 'offered' in flags && (flags.offered & HandshakeFlag.NoZeroes) !== 0;
    const usesTls = tls !== 'none' && this.#server.startTls !== undefined;
    if (tls === 'required' && !usesTls) {
      return { ...nothing, tls, problem: 'the server requires TLS, and no TLS is set up here' };
    }
    const facts: Partial<Record<HeaderMode, Facts>> = {};
    const absent: Partial<Record<HeaderMode, string>> = {};
    for (const mode of everyMode) {
      const found = await this.#try(
        async ({ haggle }) => (await openSession(await haggle(usesTls), this.#name, mode)).facts,
      );
      if ('problem' in found) absent[mode] = found.problem;
      else facts[mode] = found;
    }
    const problem = facts.simple === undefined && facts.structured === undefined ? absent.simple : undefined;
    const contexts = await this.#try(async ({ haggle }) => this.#contexts(await haggle(usesTls)));
    const any = await this.#try(async ({ haggle }) => {
      const answers = await (await haggle(usesTls)).ask(Option.Info, infoPayload(unknownName));
      return { isAny: isAck(answers) };
    });
    return {
      offersNoZeroes,
      tls,
      usesTls,
      facts,
      absent,
      problem: problem === undefined ? undefined : `the export cannot be opened: ${problem}`,
      contexts: 'problem' in contexts ? [] : contexts,
      acceptsAnyName: 'isAny' in any && any.isAny,
    };
  }

  get #name(): string {
    return this.#server.exportName ?? '';
  }

  async #tls(clear: () => Promise<Haggling>): Promise<TlsUse> {
    const listed = await (await clear()).ask(Option.List);
    if (listed.final.type === OptionReply.ErrTlsRequired) return 'required';
    return isAck(await (await clear()).ask(Option.StartTls)) ? 'optional' : 'none';
  }

  async #contexts(haggling: Haggling): Promise<readonly string[]> {
    await haggling.ask(Option.StructuredReply);
    const answers: Answers = await haggling.ask(Option.ListMetaContext, contextPayload(this.#name));
    if (!isAck(answers)) throw new Inapplicable(describeFinal(answers));
    return contextsOf(answers).map(({ name }) => name);
  }

  /** Does one thing with the server. What the server does wrong is for the rules to find; here it is a reason not to know something. */
  async #try<Result extends object | string>(
    act: (ways: Ways) => Promise<Result>,
  ): Promise<Result | { readonly problem: string }> {
    const connections = new Connections(this.#server, this.#settings, new Transcript());
    const onAbort = (): void => connections.destroy();
    this.#settings.signal.addEventListener('abort', onAbort, { once: true });
    const clear = async (): Promise<Haggling> =>
      await Haggling.begin(await connections.open(), (offered) => offered & knownFlags);
    try {
      return await act({
        clear,
        haggle: async (usesTls) => {
          const haggling = await clear();
          if (usesTls) {
            const answers = await haggling.ask(Option.StartTls);
            if (!isAck(answers)) throw new Fault(`STARTTLS is refused: ${describeFinal(answers)}`);
            await connections.startTls(haggling.wire);
          }
          return haggling;
        },
      });
    } catch (error) {
      this.#settings.signal.throwIfAborted();
      const isExpected = [Fault, HungUp, Inapplicable, Silent].some((kind) => error instanceof kind);
      if (!isExpected) throw error;
      return { problem: (error as Error).message };
    } finally {
      this.#settings.signal.removeEventListener('abort', onAbort);
      await connections.close();
    }
  }
}

/** The ways to the server. */
interface Ways {
  readonly clear: () => Promise<Haggling>;
  readonly haggle: (usesTls: boolean) => Promise<Haggling>;
}

const knownFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;

const nothing: Survey = {
  problem: undefined,
  offersNoZeroes: false,
  tls: 'none',
  usesTls: false,
  facts: {},
  absent: {},
  contexts: [],
  acceptsAnyName: false,
};
