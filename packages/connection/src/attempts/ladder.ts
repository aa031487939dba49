/** Meeting a server with less, when it could not stand what was asked of it. */
import { type AvoidableOption, avoidableOptions } from '@nbdjs/handshake';
import { ConnectError, NegotiationError, TimeoutError } from '@nbdjs/interfaces';

/**
 * What to leave out because of the option at which the server hung up, or lost its place. Who does not know structured replies knows
 * nothing that came later; EXPORT_NAME, which takes the place of GO, must not follow EXTENDED_HEADERS.
 */
const lessFor: Readonly<Record<string, readonly AvoidableOption[]>> = {
  EXTENDED_HEADERS: ['EXTENDED_HEADERS'],
  STRUCTURED_REPLY: ['EXTENDED_HEADERS', 'STRUCTURED_REPLY'],
  SET_META_CONTEXT: ['SET_META_CONTEXT', 'LIST_META_CONTEXT'],
  LIST_META_CONTEXT: ['SET_META_CONTEXT', 'LIST_META_CONTEXT'],
  INFO: ['INFO'],
  GO: ['GO', 'INFO', 'EXTENDED_HEADERS'],
};

/** First without what was the matter, and then with the least that opens an export. */
const stepsMax = 2;

/** A step down: the option that was the matter, and all options that are left out from now on. */
export interface Step {
  readonly option: string;
  readonly avoided: readonly AvoidableOption[];
}

/**
 * Remembers what one server cannot stand. Once it has been met, the same is asked for ever after: what breaks then is the
 * connection, and not the conversation.
 */
export class Ladder {
  readonly #given: readonly AvoidableOption[];
  readonly #report: (step: Step) => void;
  #avoid: readonly AvoidableOption[];
  #hasMet = false;
  readonly #isPatient: boolean;
  /** Where the last attempt broke, if nothing was left out because of that yet. */
  #brokeAt: string | undefined;

  /**
   * `given` is left out from the start. `isPatient`: attempts are repeated anyhow, so that a break that may be an accident is left to
   * that, and only the second one in a row at the same option is put down to the option.
   */
  constructor(given: readonly AvoidableOption[] = [], report: (step: Step) => void = () => {}, isPatient = false) {
    this.#given = given;
    this.#avoid = given;
    this.#report = report;
    this.#isPatient = isPatient;
  }

  /** Makes attempts, each by a new connection, until one is a success or there is nothing left to leave out. */
  async descend<Result>(attempt: (avoid: readonly AvoidableOption[]) => Promise<Result>): Promise<Result> {
    let first: ConnectError | undefined;
    let before: ConnectError | undefined;
    for (let steps = 0; ; steps++) {
      try {
        const result = await attempt(this.#avoid);
        this.#hasMet = true;
        return result;
      } catch (error) {
        const isAccident = steps === 0 && this.#mayBeAccident(error);
        const step = steps < stepsMax && isBreak(error) && !isAccident ? this.#next(error, steps) : undefined;
        if (step === undefined) {
          if (!this.#hasMet) this.#avoid = this.#given;
          throw first === undefined || tellsMore(error, before) ? error : first;
        }
        before = error as ConnectError;
        first ??= before;
        this.#avoid = step.avoided;
        this.#report(step);
      }
    }
  }

  #mayBeAccident(error: unknown): boolean {
    if (!this.#isPatient) return false;
    const before = this.#brokeAt;
    this.#brokeAt = isBreak(error) ? error.option : undefined;
    return this.#brokeAt === undefined || this.#brokeAt !== before;
  }

  #next({ option }: ConnectError, steps: number): Step | undefined {
    const less = option === undefined ? undefined : lessFor[option];
    if (this.#hasMet || option === undefined || less === undefined) return undefined;
    const avoided = steps === 0 ? [...new Set([...this.#avoid, ...less])] : avoidableOptions;
    return avoided.length > this.#avoid.length ? { option, avoided } : undefined;
  }
}

/** Whether the server has hung up on us in the middle of the handshake. */
function isBreak(error: unknown): error is ConnectError {
  return error instanceof ConnectError && breaks.has(error.code);
}

const breaks: ReadonlySet<string> = new Set(['ERR_NBD_PEER_CLOSED', 'ERR_NBD_OUT_OF_STEP']);

/** Whether the last error tells more than the first one did. */
function tellsMore(error: unknown, before: ConnectError | undefined): boolean {
  // That there was no further connection does not, nor does one more hang-up at whatever is asked: a server that has
  // refused GO in words, though, has only that to refuse an export by EXPORT_NAME.
  if (error instanceof TimeoutError || (error instanceof ConnectError && error.option === undefined)) return false;
  const isByHangingUp = error instanceof NegotiationError && error.option === 'EXPORT_NAME';
  return !isByHangingUp || before?.code === 'ERR_NBD_OUT_OF_STEP';
}
