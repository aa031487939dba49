/** Drives a server through the rules, one by one. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { type Clock, ConnectError, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { flagNames, transmissionFlags } from '@nbdjs/protocol';
import { type ConnectionSettings, Connections } from './examination/connections.ts';
import { Examination } from './examination/examination.ts';
import { judge, type Permissions } from './examination/judge.ts';
import { Unreachable } from './examination/outcomes.ts';
import { type Survey, Surveyor } from './examination/survey.ts';
import { countVerdicts, type ExaminationReport, type ExportSummary, type Finding } from './report/report.ts';
import { chooseRules } from './rules/catalogue.ts';
import type { Rule } from './rules/rule.ts';
import { everyMode } from './rules/vocabulary.ts';
import type { ExaminedServer } from './target.ts';
import { Transcript } from './wire/transcript.ts';

/** How a server is examined. */
export const examineOptions = defineOptions({
  /** Which rules: names such as `S3/unknown-option`, the beginning of such names up to the slash, or groups. @default all rules */
  only: option.texts({
    defaultText: 'all rules',
    doc: 'Which rules: names such as S3/unknown-option, S3 alone, or groups.',
  }),
  /** Also examine rules that change what the export holds. Nothing is restored. @default false */
  destructive: option.boolean({ default: false, doc: 'Also examine rules that change what the export holds.' }),
  /**
   * Also examine rules that servers are known to go down by: all clients of such a server lose their connections. @default false
   */
  risky: option.boolean({ default: false, doc: 'Also examine rules that servers are known to go down by.' }),
  /** For each wait for the server, in milliseconds. @default 5000 */
  timeoutMs: option.milliseconds({ default: 5000, least: 1, doc: 'For each wait for the server.' }),
  /** Ends the examination. @default it runs to its end */
  signal: option.signal({ defaultText: 'it runs to its end', doc: 'Ends the examination.' }),
  /** Called with each finding as soon as there is one. @default findings are in the report only */
  onFinding: option.callback<(finding: Finding) => void>({
    defaultText: 'findings are in the report only',
    doc: 'Called with each finding as soon as there is one.',
  }),
  /** The clock of all waits. @default the system's */
  clock: option.object<Clock>({ default: systemClock, defaultText: "the system's", doc: 'The clock of all waits.' }),
});

/** How a server is examined. */
export interface ExamineOptions extends OptionsOf<typeof examineOptions> {}

/** After so many rules without a connection, the server counts as gone. */
const unreachableMax = 5;

/**
 * Examines a server: each rule on connections of its own, one rule at a time. A server that hangs, hangs up or sends nonsense is a
 * finding, not an error.
 *
 * @throws ConnectError or another error of `server.open` when there is no server at all, UsageError for a rule that does not exist, or the
 *   signal's reason.
 */
export async function examineServer(server: ExaminedServer, options: ExamineOptions = {}): Promise<ExaminationReport> {
  const settings = examineOptions.resolve('examineServer', options);
  const { clock, timeoutMs, destructive, risky, onFinding } = settings;
  const signal = settings.signal ?? new AbortController().signal;
  const chosen = chooseRules(settings.only);
  if (typeof server?.open !== 'function') {
    throw new UsageError('ERR_NBD_ARGUMENT', 'examineServer: the server has no open(), expected { open, exportName }');
  }
  await tryToConnect(server, signal);
  const connecting: ConnectionSettings = { clock, timeoutMs, signal };
  const survey = await surveyOf(server, connecting);
  const findings: Finding[] = [];
  let unreachable = 0;
  for (const rule of chosen) {
    for (const mode of rule.modes ?? [undefined]) {
      signal.throwIfAborted();
      const circumstances = { survey, destructive, risky, isGone: unreachable >= unreachableMax };
      const { finding, isReached } = await examineRule(rule, mode, circumstances, server, connecting);
      if (isReached !== undefined) unreachable = isReached ? 0 : unreachable + 1;
      findings.push(finding);
      onFinding?.(finding);
    }
  }
  return reportOf(server, survey, findings);
}

/** A server that is there for one client only is gone by now. */
async function surveyOf(server: ExaminedServer, settings: ConnectionSettings): Promise<Survey> {
  try {
    return await new Surveyor(server, settings).survey();
  } catch (cause) {
    if (!(cause instanceof Unreachable)) throw cause;
    const message = `${cause.message}; an examination takes many connections, one after the other`;
    throw new ConnectError('ERR_NBD_CONNECT', message, { cause });
  }
}

interface Circumstances extends Permissions {
  readonly survey: Survey;
  /** The server does not accept connections any more. */
  readonly isGone: boolean;
}

async function examineRule(
  rule: Rule,
  mode: HeaderMode | undefined,
  circumstances: Circumstances,
  server: ExaminedServer,
  settings: ConnectionSettings,
): Promise<{ readonly finding: Finding; readonly isReached: boolean | undefined }> {
  const transcript = new Transcript();
  const connections = new Connections(server, settings, transcript);
  const onAbort = (): void => connections.destroy();
  settings.signal.addEventListener('abort', onAbort, { once: true });
  const beganMs = settings.clock.now();
  try {
    const examination = new Examination(circumstances.survey, connections);
    const { verdict, text, brokenRule, isReached } = await judge(rule, mode, examination, circumstances);
    settings.signal.throwIfAborted();
    const { judge: _, modes: __, hangUp: ___, ...ruleText } = rule;
    const isPlain = verdict === 'kept' || verdict === 'not applicable';
    const durationMs = settings.clock.now() - beganMs;
    const evidence = isPlain ? [] : [...transcript.excerpts];
    return { finding: { rule: ruleText, mode, verdict, text, brokenRule, durationMs, evidence }, isReached };
  } finally {
    settings.signal.removeEventListener('abort', onAbort);
    await connections.close();
  }
}

/** The first connection tells whether there is a server at all, by an error that the caller knows. */
async function tryToConnect(server: ExaminedServer, signal: AbortSignal): Promise<void> {
  const channel = await server.open({ signal });
  channel.destroy();
  await channel.closed;
}

function reportOf(server: ExaminedServer, survey: Survey, findings: readonly Finding[]): ExaminationReport {
  const exports = everyMode.flatMap((mode): ExportSummary[] => {
    const facts = survey.facts[mode];
    if (facts === undefined) return [];
    const { size, blockSizes } = facts;
    return [{ mode, size, flags: flagNames(transmissionFlags, facts.transmissionFlags), blockSizes }];
  });
  return {
    server: server.name ?? 'NBD',
    exportName: server.exportName ?? '',
    tls: survey.tls,
    usedTls: survey.usesTls,
    problem: survey.problem,
    exports,
    contexts: survey.contexts,
    findings,
    counts: countVerdicts(findings),
  };
}
