/** `nbd bench`: load on servers, and what it shows about them. */
import { type CandidateResult, compareLoads, type LoadOptions, type LoadReport, runLoad } from '@nbdjs/load';
import { mayDo } from '../../confirmation.ts';
import { withTls } from '../../connecting/client-tls.ts';
import { leaving } from '../../connecting/leaving.ts';
import { openServer } from '../../connecting/open-server.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, type ServerOperand } from '../../options/operand.ts';
import { rangeOf } from '../../options/range.ts';
import type { Terminal } from '../../terminal.ts';
import type { BenchedServer } from './benched-server.ts';
import type { BenchOptions } from './command.ts';
import { createLiveFigures, type LiveFigures } from './live-figures.ts';
import { loadOptionsOf, namingOptions } from './load-options.ts';
import { benchJson } from './result-json.ts';
import { benchText } from './result-text.ts';

/** Rounds with several servers. */
const roundsDefault = 3;

export async function run(
  { terminal }: CommandContext,
  options: BenchOptions,
  given: readonly ServerOperand[],
): Promise<number> {
  const load = loadOptionsOf(options);
  const live = createLiveFigures(options, terminal);
  const servers: BenchedServer[] = [];
  try {
    for (const operand of given) servers.push(await open(withTls(operand, options, given), options, terminal));
    if (!(await mayChange(servers, load, options, terminal))) return 1;
    const results = await measure(servers, load, options, live, terminal);
    const isJson = options.json === true;
    await terminal.print(
      isJson ? benchJson(results, load, options) : benchText(results, servers, load, options, terminal),
    );
    terminal.signal.throwIfAborted();
    return exitCode(results, terminal);
  } finally {
    await Promise.all(servers.map(({ leave }) => leave[Symbol.asyncDispose]()));
  }
}

async function open(operand: ServerOperand, options: BenchOptions, terminal: Terminal): Promise<BenchedServer> {
  const { connections } = options;
  const client = await openServer(operand, options, terminal, { connections, contexts: [] });
  const name = describeOperand(operand);
  if (connections > 1 && !client.abilities.multiConn) terminal.note(`nbd: ${name} allows one connection only`);
  return { name, client, leave: leaving(client, terminal.signal) };
}

/** Asks before something is overwritten. */
async function mayChange(
  servers: readonly BenchedServer[],
  load: LoadOptions,
  options: BenchOptions,
  terminal: Terminal,
): Promise<boolean> {
  if (load.readShare === 1) return true;
  const places = servers.map(({ name, client }) => {
    const { offset, length } = rangeOf(client.geometry.size, options);
    return `bytes ${offset} to ${offset + length - 1n} on ${name}`;
  });
  return await mayDo(`overwrite ${places.join(', and ')} with the data of a load, for ever`, options, terminal);
}

async function measure(
  servers: readonly BenchedServer[],
  load: LoadOptions,
  options: BenchOptions,
  live: LiveFigures,
  terminal: Terminal,
): Promise<CandidateResult[]> {
  const { signal } = terminal;
  const rounds = options.rounds ?? (servers.length > 1 ? roundsDefault : 1);
  const candidates = servers.map(({ name, client }) => ({
    name,
    run: (): Promise<LoadReport> =>
      namingOptions(() =>
        runLoad(client, {
          ...load,
          signal,
          progressMs: live.intervalMs,
          onProgress: (progress) => live.show(progress),
        }),
      ),
  }));
  try {
    return await compareLoads(candidates, {
      rounds,
      signal,
      onTurn: ({ name }, round) => live.begin({ name, round, rounds, durationMs: load.durationMs }),
    });
  } finally {
    live.end();
  }
}

/** Says what was wrong. */
function exitCode(results: readonly CandidateResult[], terminal: Terminal): number {
  const reports = results.flatMap((result) => result.reports.map((report) => ({ name: result.name, report })));
  for (const { name, report } of reports) {
    if (report.error !== undefined) terminal.note(`nbd: ${name}: the load has ended: ${report.error.message}`);
  }
  const isGood = ({ report }: (typeof reports)[number]): boolean =>
    report.error === undefined &&
    report.mismatch === undefined &&
    report.errors.length === 0 &&
    report.unfinished === 0;
  return reports.every(isGood) ? 0 : 1;
}
