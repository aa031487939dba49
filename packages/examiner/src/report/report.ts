/** What was found out about a server. */
import type { HeaderMode } from '@nbdjs/interfaces';
import type { TlsUse } from '../examination/survey.ts';
import type { RuleText } from '../rules/vocabulary.ts';
import type { Excerpt } from '../wire/transcript.ts';

/**
 * What became of a rule. `kept`: as the specification has it. `broken`: a MUST is not kept. `discouraged`: a SHOULD is not kept.
 * `not applicable`: it says nothing about this server, or needs what is not there. `inconclusive`: no answer came in time, or no
 * connection.
 */
export const verdicts = ['kept', 'broken', 'discouraged', 'not applicable', 'inconclusive'] as const;

/** What became of a rule; see `verdicts`. */
export type Verdict = (typeof verdicts)[number];

/** One rule, examined. */
export interface Finding {
  /** The rule. */
  readonly rule: RuleText;
  /** The mode of the transmission phase; `undefined` for rules of the handshake. */
  readonly mode: HeaderMode | undefined;
  /** What became of it. */
  readonly verdict: Verdict;
  /** What was seen: the deviation, the reason, or a remark. Empty for a rule that is simply kept. */
  readonly text: string;
  /** Another rule of docs/conformance.md that is broken, where the server did so while this one was examined. */
  readonly brokenRule?: string | undefined;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** What was sent and received, for verdicts that need evidence; else empty. */
  readonly evidence: readonly Excerpt[];
}

/** The facts of an export in one mode. */
export interface ExportSummary {
  /** The mode of the transmission phase. */
  readonly mode: HeaderMode;
  /** In bytes. */
  readonly size: bigint;
  /** The specification's names of the transmission flags, without their prefix. */
  readonly flags: readonly string[];
  /** In bytes; `undefined` where the server announces none. */
  readonly blockSizes?: { readonly minimum: number; readonly preferred: number; readonly maximum: number } | undefined;
}

/** How many rules have each verdict. */
export type Counts = Readonly<Record<Verdict, number>>;

/** The result of an examination. */
export interface ExaminationReport {
  /** What the server is called. */
  readonly server: string;
  /** The export that was examined; empty for the default export. */
  readonly exportName: string;
  /** Which role TLS has at this server. */
  readonly tls: TlsUse;
  /** Whether the examination went on in TLS. */
  readonly usedTls: boolean;
  /** Why the export could not be opened; then only the rules of the handshake were examined. */
  readonly problem: string | undefined;
  /** The export, in each mode that the server has. */
  readonly exports: readonly ExportSummary[];
  /** The metadata contexts that the server lists. */
  readonly contexts: readonly string[];
  /** In the order in which the rules were examined. */
  readonly findings: readonly Finding[];
  /** How many findings have each verdict. */
  readonly counts: Counts;
}

/** Counts the verdicts. */
export function countVerdicts(findings: readonly { readonly verdict: Verdict }[]): Counts {
  const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const { verdict } of findings) counts[verdict]++;
  return counts;
}
