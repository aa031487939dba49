/** Drives a client's command through scenarios, and reports how it takes them and which rules it breaks. */
import type { ByteChannel } from '@nbdjs/interfaces';
import { type Clock, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { Counts } from '../report/report.ts';
import { countVerdicts } from '../report/report.ts';
import { type ClientEnd, judgeClient, type ScenarioFinding } from './judge-client.ts';
import type { Scenario, ScenarioText } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { type NotedViolation, Trap } from './trap.ts';

/** What each scenario serves and expects, in the order in which a client meets them. */
export const scenarioTexts: readonly ScenarioText[] = scenarios.map(({ quirks: _, ...text }) => text);

/** One run of a client against one scenario. */
export interface ClientRun {
  /** Serves a connection of the client. Settles when it is over, and never rejects. */
  readonly accept: (channel: ByteChannel) => Promise<void>;
  /** Aborts when the client has taken too long: it has to be ended. */
  readonly signal: AbortSignal;
}

/** How clients are examined. */
export const examineClientOptions = defineOptions({
  /** Which scenarios: names such as `C53/out-of-order`, or the beginning of such names up to the slash. @default all scenarios */
  only: option.texts({
    defaultText: 'all scenarios',
    doc: 'Which scenarios: names such as C53/out-of-order, or C53 alone.',
  }),
  /** For each run of the client, in milliseconds. @default 10000 */
  timeoutMs: option.milliseconds({ default: 10_000, least: 1, doc: 'For each run of the client.' }),
  /** Ends the examination. @default it runs to its end */
  signal: option.signal({ defaultText: 'it runs to its end', doc: 'Ends the examination.' }),
  /** Called with each finding as soon as there is one. @default findings are in the report only */
  onFinding: option.callback<(finding: ScenarioFinding) => void>({
    defaultText: 'findings are in the report only',
    doc: 'Called with each finding as soon as there is one.',
  }),
  /** The clock of all waits. @default the system's */
  clock: option.object<Clock>({ default: systemClock, defaultText: "the system's", doc: 'The clock of all waits.' }),
});

/** How clients are examined. */
export interface ExamineClientOptions extends OptionsOf<typeof examineClientOptions> {}

/** The result of the examination of a client. */
export interface ClientReport {
  /** One for each scenario, in order. */
  readonly findings: readonly ScenarioFinding[];
  /** The rules that the client has broken by what it sent, each once, with the scenario in which it did so first. */
  readonly violations: readonly (NotedViolation & { readonly scenario: string })[];
  /** How many scenarios have each verdict. */
  readonly counts: Counts;
}

/**
 * Runs a client once for each scenario, against a server of its own.
 *
 * @param run Starts the client, gives its connections to `accept`, and resolves to how it ended. It listens before the client starts.
 * @throws UsageError for a scenario that does not exist, what `run` throws, or the signal's reason.
 */
export async function examineClient(
  run: (how: ClientRun) => Promise<ClientEnd>,
  options: ExamineClientOptions = {},
): Promise<ClientReport> {
  const settings = examineClientOptions.resolve('examineClient', options);
  const findings: ScenarioFinding[] = [];
  const violations = new Map<string, ClientReport['violations'][number]>();
  for (const scenario of chooseScenarios(settings.only)) {
    settings.signal?.throwIfAborted();
    const trap = new Trap(scenario.quirks, settings.clock, settings.timeoutMs);
    const ended = await runOnce(run, trap, settings);
    const finding = judgeClient(scenario, ended, trap);
    findings.push(finding);
    settings.onFinding?.(finding);
    for (const violation of trap.violations) {
      const key = `${violation.rule} ${violation.text}`;
      if (!violations.has(key)) violations.set(key, { ...violation, scenario: scenario.id });
    }
  }
  return { findings, violations: [...violations.values()], counts: countVerdicts(findings) };
}

async function runOnce(
  run: (how: ClientRun) => Promise<ClientEnd>,
  trap: Trap,
  {
    clock,
    timeoutMs,
    signal,
  }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<ClientEnd & { readonly durationMs: number }> {
  const abort = new AbortController();
  const beganMs = clock.now();
  const onAbort = (): void => abort.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.schedule(timeoutMs, () => abort.abort(), true);
  try {
    const ended = await run({ accept: (channel) => trap.accept(channel), signal: abort.signal });
    signal?.throwIfAborted();
    return {
      ...ended,
      isTimedOut: abort.signal.aborted || ended.isTimedOut === true,
      durationMs: clock.now() - beganMs,
    };
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
    trap.destroy();
  }
}

function chooseScenarios(only: readonly string[] | undefined): readonly Scenario[] {
  if (only === undefined || only.length === 0) return scenarios;
  const isMeant = ({ id }: Scenario, word: string): boolean => {
    const wanted = word.toLowerCase();
    return id.toLowerCase() === wanted || id.toLowerCase().startsWith(`${wanted}/`);
  };
  const unknown = only.find((word) => !scenarios.some((one) => isMeant(one, word)));
  if (unknown !== undefined) throw new UsageError('ERR_NBD_ARGUMENT', `there is no scenario '${unknown}'`);
  return scenarios.filter((one) => only.some((word) => isMeant(one, word)));
}
