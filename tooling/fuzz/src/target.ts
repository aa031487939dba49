/** What can be fed with hostile bytes. */

/** One input: bytes, and a number that decides about everything else (options, cuts, what is asked for). */
export interface Input {
  readonly seed: number;
  readonly bytes: Uint8Array;
}

export interface Target {
  /** In kebab-case; `--only` takes it. */
  readonly name: string;
  /** Good inputs, from which bad ones are made. */
  readonly corpus: () => readonly Uint8Array[];
  /**
   * Runs an input to its end: when this settles, nothing is under way any more. Every error that it throws is a finding.
   */
  readonly run: (input: Input) => Promise<void> | void;
  /** Ends what outlives an input. It may be run again afterwards. */
  readonly close?: () => Promise<void>;
}

/** Something that must not happen. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

export function insist(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Finding(what);
}
