/** What a request costs each of our sides, in counts: nothing here depends on how fast the machine is. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createWorkspace } from '@nbdjs/peers/local';
import { node, ourLoad } from '../../src/loads/our-load.ts';
import type { RequestLoad } from '../../src/loads/request-load.ts';
import { runMeasured } from '../../src/processes/measured-command.ts';
import { startMeasured } from '../../src/processes/measured-server.ts';
import { Pinning } from '../../src/processes/pinning.ts';
import { totalOf } from '../../src/processes/strace-table.ts';
import { callsBetweenLines, callsOfProcess, hasStrace } from '../../src/processes/system-calls.ts';

export interface CostsPerRequest {
  /** System calls; without strace, those of `read`, `write` and their kin alone. */
  readonly calls: number;
  readonly heapBytes: number;
}

/** A load, and what a request of it may cost at most. */
interface BoundedLoad extends RequestLoad {
  readonly client: CostsPerRequest;
  readonly server: CostsPerRequest;
}

const bounds = JSON.parse(readFileSync(new URL('cost-bounds.json', import.meta.url), 'utf8')) as {
  readonly loads: readonly BoundedLoad[];
};
export const boundedLoads = bounds.loads.map((load) => ({ ...load, name: nameOf(load) }));

/**
 * Neither side polls before it sleeps: how often it polls, and how much memory that takes, depends on the time, which a count must not.
 */
const clientOptions = { nodeOptions: ['--conditions', '@nbdjs/source'], connect: { busyPollMs: 0 } };
const serverScript = fileURLToPath(new URL('memory-server.ts', import.meta.url));

/** Our client, at the server of this URI. */
export async function costsOfClient(uri: string, load: RequestLoad): Promise<CostsPerRequest> {
  const client = ourLoad(uri, clientOptions);
  const requests = requestsOf(load);
  const command = client.command(load, { requests });
  const { used, node: counters } = client.report((await runMeasured(command)).stdout);
  const calls = hasStrace() ? totalOf(await callsBetweenLines(command)) : (used?.readsAndWrites ?? Number.NaN);
  return { calls: calls / requests, heapBytes: (counters?.heapBytesAllocated ?? Number.NaN) / requests };
}

/** Our server with memory, at our client. */
export async function costsOfServer(load: RequestLoad): Promise<CostsPerRequest> {
  using workspace = createWorkspace('bookworm');
  const path = workspace.socketPath('ours');
  await using server = await startMeasured(
    [...node, ...clientOptions.nodeOptions, serverScript, path],
    new Pinning(false),
  );
  const requests = requestsOf(load);
  const command = ourLoad(`nbd+unix:///?socket=${path}`, clientOptions).command(load, { requests });
  server.cost.begin();
  await runMeasured(command);
  const { used, node: counters } = await server.cost.end();
  const [pid = 0] = server.cost.pids;
  const calls = hasStrace() ? totalOf(await callsOfProcess(pid, () => runMeasured(command))) : used.readsAndWrites;
  return { calls: calls / requests, heapBytes: (counters?.heapBytesAllocated ?? Number.NaN) / requests };
}

/** So many that what happens once does not matter, and no more than a gigabyte. */
function requestsOf({ blockBytes }: RequestLoad): number {
  return Math.min(20_000, 2 ** 30 / blockBytes);
}

function nameOf({ command, blockBytes, depth }: RequestLoad): string {
  return `${command} of ${blockBytes / 1024} KiB at depth ${depth}`;
}
