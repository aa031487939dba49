/** An examination, as a page shows it. */
import type { ExaminationReport, Finding } from '@nbdjs/examiner';

/** What was examined. */
export interface Subject {
  readonly program: string;
  /** The command that was started, in short. */
  readonly command: string;
}

export interface Examination {
  readonly version: string;
  readonly report: ExaminationReport;
  /** By rules that may bring servers down, each on a server of its own. */
  readonly risky: readonly Finding[];
}
