/** Requests of one kind, again and again, by a client to a server. */
import type { Candidate, Run, Side, SideCost } from '../measuring/run.ts';
import { runMeasured } from '../processes/measured-command.ts';
import type { ServerCost } from '../processes/measured-server.ts';
import type { Pinning } from '../processes/pinning.ts';
import { callsPerRequest, totalOf } from '../processes/strace-table.ts';
import { callsBetweenLines, callsOfCommand, callsOfProcess } from '../processes/system-calls.ts';

export interface RequestLoad {
  readonly command: 'read' | 'write';
  readonly depth: number;
  readonly blockBytes: number;
}

/** As long as that, or as many requests. */
export type Duration = { readonly seconds: number } | { readonly requests: number };

/** A program that does requests. */
export interface LoadClient {
  command(load: RequestLoad, duration: Duration): [string, ...string[]];
  /**
   * How its system calls can be counted: `between-lines` when it waits before and after its requests, `difference` when its start costs the
   * same each time, so that a shorter run can be subtracted from a longer one; `no` when it cannot do a number of requests.
   */
  readonly counting: 'between-lines' | 'difference' | 'no';
  report(stdout: string): LoadReport;
}

export interface LoadReport {
  readonly perSecond: number;
  readonly requests: number;
  /** What the program says of itself, which is more exact than what is seen from outside. */
  readonly used?: Partial<SideCost['used']> | undefined;
  readonly node?: SideCost['node'] | undefined;
}

/** The report that a program prints as JSON, behind what else it prints. */
export function jsonReport<Report = LoadReport>(stdout: string): Report {
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Report;
}

/** A program that does requests for some seconds, and not a number of them, so that its system calls cannot be counted. */
export function timedLoad(command: (load: RequestLoad, seconds: string) => [string, ...string[]]): LoadClient {
  return {
    counting: 'no',
    command: (load, duration) => command(load, 'seconds' in duration ? String(duration.seconds) : '1'),
    report: jsonReport,
  };
}

export interface Surroundings {
  readonly seconds: number;
  readonly pinning: Pinning;
}

/** Requests of the shorter traced run, and how many more the longer one has. */
const tracedRequests = { shorter: 500, more: 4000 } as const;

/** A client and a server as one candidate. `server` is nothing where its costs are of no interest. */
export function requestCandidate(
  client: LoadClient,
  server: ServerCost | undefined,
  load: RequestLoad,
  { seconds, pinning }: Surroundings,
): Candidate {
  const pinned = (command: readonly [string, ...string[]]): [string, ...string[]] => pinning.command('client', command);
  const measure = (): Promise<Run> => measureRequests(client, server, load, seconds, pinned);
  if (client.counting === 'no') return { measure };
  return {
    measure,
    async countCalls(side: Side) {
      const { shorter, more } = tracedRequests;
      const commandOf = (requests: number): [string, ...string[]] => client.command(load, { requests });
      if (side === 'client' && client.counting === 'between-lines') {
        return totalOf(await callsBetweenLines(pinned(commandOf(more)))) / more;
      }
      if (side === 'client') {
        const few = await callsOfCommand(commandOf(shorter), pinned);
        return callsPerRequest(few, await callsOfCommand(commandOf(shorter + more), pinned), more);
      }
      // A server has nothing to start up, and the handshake is a few calls among thousands.
      const [pid] = server?.pids ?? [];
      if (pid === undefined) return Number.NaN;
      return totalOf(await callsOfProcess(pid, () => runMeasured(pinned(commandOf(more))))) / more;
    },
  };
}

/** The same, judged by the processor time of the server: where servers are compared, that of the client says nothing about them. */
export function withServerCost(candidate: Candidate): Candidate {
  return {
    ...candidate,
    async measure() {
      const run = await candidate.measure();
      const { used, bytes = 0 } = run.server ?? {};
      const processorSecondsPerGb = (used?.processorSeconds ?? Number.NaN) / (bytes / 1e9);
      return { ...run, values: { ...run.values, processorSecondsPerGb } };
    },
  };
}

async function measureRequests(
  client: LoadClient,
  server: ServerCost | undefined,
  load: RequestLoad,
  seconds: number,
  pinned: (command: readonly [string, ...string[]]) => [string, ...string[]],
): Promise<Run> {
  server?.begin();
  const { stdout, used } = await runMeasured(pinned(client.command(load, { seconds })), {
    onBegin: () => server?.begin(),
    // What it did before was its start.
    lastSeconds: seconds,
  });
  const serverCost = await server?.end();
  const report = client.report(stdout);
  const done = { requests: report.requests, bytes: report.requests * load.blockBytes };
  const clientCost = { used: { ...used, ...report.used }, node: report.node, ...done };
  return {
    values: {
      requestsPerSecond: report.perSecond,
      bytesPerSecond: report.perSecond * load.blockBytes,
      processorSecondsPerGb: clientCost.used.processorSeconds / (done.bytes / 1e9),
    },
    client: clientCost,
    server: serverCost === undefined ? undefined : { ...serverCost, ...done },
  };
}
