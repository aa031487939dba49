/** Turns how a client has ended into a verdict about a scenario. */
import type { Verdict } from '../report/report.ts';
import type { Scenario, ScenarioText } from './scenario.ts';
import type { NotedViolation, Trap } from './trap.ts';

/** How a client has ended. */
export interface ClientEnd {
  /** Its exit code; `undefined` when a signal has ended it. */
  readonly code: number | undefined;
  /** The signal that has ended it, such as `SIGSEGV`. */
  readonly signal?: string | undefined;
  /** Whether it was ended because it took too long. */
  readonly isTimedOut?: boolean | undefined;
  /** The last lines that it has complained in, for people. */
  readonly complaint?: string | undefined;
}

/** How a client has taken a scenario. */
export interface ScenarioFinding {
  /** The scenario. */
  readonly scenario: ScenarioText;
  /** `success`: exit code 0. `error`: another one. `hang`: it had to be ended. `crash`: a signal has ended it. */
  readonly outcome: 'success' | 'error' | 'hang' | 'crash';
  /** What became of it, in the words of the rules. */
  readonly verdict: Verdict;
  /** What was seen. */
  readonly text: string;
  /** How long the client ran, in milliseconds. */
  readonly durationMs: number;
  /** The rules that the client has broken by what it sent. */
  readonly violations: readonly NotedViolation[];
}

/** Judges how a client has taken a scenario. */
export function judgeClient(
  scenario: Scenario,
  ended: ClientEnd & { readonly durationMs: number },
  trap: Pick<Trap, 'violations' | 'connections'>,
): ScenarioFinding {
  const { quirks: _, ...text } = scenario;
  const outcome = outcomeOf(ended);
  const common = { scenario: text, outcome, durationMs: ended.durationMs, violations: trap.violations };
  if (trap.connections === 0) {
    const seen = `${inWords(ended, outcome)}, and has not connected at all: does the command use $uri?`;
    return { ...common, verdict: 'inconclusive', text: seen };
  }
  const isUnnoticed = scenario.demand === 'refuse' && outcome === 'success';
  const doubt = isUnnoticed ? ': it has not noticed, or its work does not depend on it' : '';
  return { ...common, verdict: verdictOf(scenario, outcome), text: `${inWords(ended, outcome)}${doubt}` };
}

function outcomeOf({ code, isTimedOut, signal }: ClientEnd): ScenarioFinding['outcome'] {
  if (isTimedOut === true) return 'hang';
  if (signal !== undefined || code === undefined) return 'crash';
  return code === 0 ? 'success' : 'error';
}

function verdictOf({ demand, level }: Scenario, outcome: ScenarioFinding['outcome']): Verdict {
  const fault: Verdict = level === 'MUST' ? 'broken' : 'discouraged';
  // Whatever a server does, a client must neither crash nor wait for ever.
  if (outcome === 'crash') return 'broken';
  if (outcome === 'hang') return 'inconclusive';
  if (demand === 'end' || outcome === (demand === 'cope' ? 'success' : 'error')) return 'kept';
  // What the client was asked to do may not depend on what was wrong: its exit code alone is no proof that it has not noticed.
  return demand === 'cope' ? fault : 'inconclusive';
}

function inWords({ code, signal, complaint }: ClientEnd, outcome: ScenarioFinding['outcome']): string {
  const words = {
    success: 'the client reports success',
    error: `the client fails with the exit code ${code}`,
    hang: 'the client did not end in time',
    crash: `the client was ended by ${signal ?? 'a signal'}`,
  }[outcome];
  const said = complaint === undefined || complaint === '' ? '' : `: ${complaint}`;
  return `${words}${said}`;
}
