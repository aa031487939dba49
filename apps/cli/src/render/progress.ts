/** How far a copy has come. */

export interface ProgressFigures {
  readonly doneBytes: bigint;
  /** Absent when the source is a stream of unknown length. */
  readonly totalBytes?: bigint | undefined;
}

/** Shows how far a copy has come, in one of several forms. */
export interface Progress {
  /** Called as often as there is news; the form decides how often it shows them. */
  update(figures: ProgressFigures): void;
  /** The copy is done; from now on the figures are about comparing. */
  verifying(): void;
  /** Shows the final state, and leaves the terminal clean. */
  finish(isSuccess: boolean): void;
}

export const noProgress: Progress = { update() {}, verifying() {}, finish() {} };

/** The shortest time between two updates that are shown, in milliseconds. */
export const updateIntervalMs = 100;
