/** Fewer options for a server that hung up, or got out of sync, at an option that it does not know. */
import { type AvoidableOption, avoidableOptions } from '@nbdjs/handshake';
import { ConnectError, NegotiationError, TimeoutError } from '@nbdjs/interfaces';

/**
 * The options to leave out, by the option at which the server hung up or got out of sync. A server without structured replies has no option
 * that was added later. EXPORT_NAME, which takes the place of GO, must not follow EXTENDED_HEADERS.
 */
const avoidedFor: Readonly<Record<string, readonly AvoidableOption[]>> = {
  EXTENDED_HEADERS: ['EXTENDED_HEADERS'],
  STRUCTURED_REPLY: ['EXTENDED_HEADERS', 'STRUCTURED_REPLY'],
  SET_META_CONTEXT: ['SET_META_CONTEXT', 'LIST_META_CONTEXT'],
  LIST_META_CONTEXT: ['SET_META_CONTEXT', 'LIST_META_CONTEXT'],
  INFO: ['INFO'],
  GO: ['GO', 'INFO', 'EXTENDED_HEADERS'],
};

/** First without the option that failed, then with the fewest options that open an export. */
const stepsMax = 2;

/** A step down: the option that failed, and all options that are left out from now on. */
export interface Step {
  readonly option: string;
  readonly avoided: readonly AvoidableOption[];
}

/**
 * Keeps the options that one server fails at. After the first success the options stay the same: a break then comes from the connection,
 * not from an option.
 */
export class Ladder {
  readonly #given: readonly AvoidableOption[];
  readonly #report: (step: Step) => void;
  #avoid: readonly AvoidableOption[];
  #hasSucceeded = false;
  readonly #isPatient: boolean;
  /** The option at which the last attempt broke, if no option was left out because of that yet. */
  #brokenOption: string | undefined;

  /**
   * @param given Options to leave out from the start.
   * @param isPatient Attempts are repeated by the caller. A first break may then be an accident, and only the second one in a row at
   *   the same option counts as caused by the option.
   */
  constructor(given: readonly AvoidableOption[] = [], report: (step: Step) => void = () => {}, isPatient = false) {
    this.#given = given;
    this.#avoid = given;
    this.#report = report;
    this.#isPatient = isPatient;
  }

  /** Makes attempts, each on a new connection, until one succeeds or no option is left that could be left out. */
  async descend<Result>(attempt: (avoid: readonly AvoidableOption[]) => Promise<Result>): Promise<Result> {
    let first: ConnectError | undefined;
    let before: ConnectError | undefined;
    for (let steps = 0; ; steps++) {
      try {
        const result = await attempt(this.#avoid);
        this.#hasSucceeded = true;
        return result;
      } catch (error) {
        const isAccident = steps === 0 && this.#isAccident(error);
        const step = steps < stepsMax && isBreak(error) && !isAccident ? this.#nextStep(error, steps) : undefined;
        if (step === undefined) {
          if (!this.#hasSucceeded) this.#avoid = this.#given;
          throw first === undefined || isMoreSpecific(error, before) ? error : first;
        }
        before = error as ConnectError;
        first ??= before;
        this.#avoid = step.avoided;
        this.#report(step);
      }
    }
  }

  #isAccident(error: unknown): boolean {
    if (!this.#isPatient) return false;
    const before = this.#brokenOption;
    this.#brokenOption = isBreak(error) ? error.option : undefined;
    return this.#brokenOption === undefined || this.#brokenOption !== before;
  }

  #nextStep({ option }: ConnectError, steps: number): Step | undefined {
    const newlyAvoided = option === undefined ? undefined : avoidedFor[option];
    if (this.#hasSucceeded || option === undefined || newlyAvoided === undefined) return undefined;
    const avoided = steps === 0 ? [...new Set([...this.#avoid, ...newlyAvoided])] : avoidableOptions;
    return avoided.length > this.#avoid.length ? { option, avoided } : undefined;
  }
}

/** Returns whether the server has hung up, or got out of sync, in the middle of the handshake. */
function isBreak(error: unknown): error is ConnectError {
  return error instanceof ConnectError && breaks.has(error.code);
}

const breaks: ReadonlySet<string> = new Set(['ERR_NBD_PEER_CLOSED', 'ERR_NBD_OUT_OF_STEP']);

/** Returns whether the last error has more information than the first one. */
function isMoreSpecific(error: unknown, before: ConnectError | undefined): boolean {
  // A failure to connect again has no more, and neither has one more hang-up. But a server that has refused GO in words can
  // refuse an export by EXPORT_NAME only by hanging up.
  if (error instanceof TimeoutError || (error instanceof ConnectError && error.option === undefined)) return false;
  const isByHangingUp = error instanceof NegotiationError && error.option === 'EXPORT_NAME';
  return !isByHangingUp || before?.code === 'ERR_NBD_OUT_OF_STEP';
}
