/**
 * Examines NBD servers: drives one through the rules of the specification, and reports which are kept.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export {
  type ClientReport,
  type ClientRun,
  type ExamineClientOptions,
  examineClient,
  examineClientOptions,
  scenarioTexts,
} from './client/examine-client.ts';
export type { ClientEnd, ScenarioFinding } from './client/judge-client.ts';
export type { Demand, ScenarioText } from './client/scenario.ts';

export type { NotedViolation } from './client/trap.ts';
export type { Violation } from './client/violations.ts';
export type { TlsUse } from './examination/survey.ts';
export { type ExamineOptions, examineOptions, examineServer } from './examine.ts';
export { excerptLine, toJUnit } from './report/junit.ts';
export {
  type Counts,
  type ExaminationReport,
  type ExportSummary,
  type Finding,
  type Verdict,
  verdicts,
} from './report/report.ts';
export { ruleTexts } from './rules/catalogue.ts';
export { type Group, groups, type Level, type RuleText } from './rules/vocabulary.ts';
export type { ExaminedServer } from './target.ts';
export type { Excerpt } from './wire/transcript.ts';
