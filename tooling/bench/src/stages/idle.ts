/** The memory that a server keeps for each connection that does nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { node } from '../loads/our-load.ts';
import type { Run } from '../measuring/run.ts';
import { startMeasured } from '../processes/measured-server.ts';
import { startOurs } from '../processes/our-server.ts';
import { readProcess } from '../processes/process-reading.ts';
import { qemuMemory } from './server-memory.ts';
import { type OpenStage, openStage, type Setting } from './stage.ts';

const script = fileURLToPath(new URL('../idle.ts', import.meta.url));
/** What a server does after its start, and after the last connection, is done by then. */
const settleMs = 500;

type Started = AsyncDisposable & { readonly uri: string; readonly pid: number };

export const openIdle: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    return ({ connections = 1 }, name) => ({
      measure: () => measureIdle(() => startServer(name, workspace, setting), connections, setting),
    });
  });

/** A server that is new for each run: what it once has, it does not give back. */
async function startServer(name: string, workspace: Workspace, setting: Setting): Promise<Started> {
  if (name === 'nbdjs') {
    const server = await startOurs(workspace, 'ours', setting.pinning, ['--shared=0', 'memory:1G']);
    return {
      uri: server.uri,
      pid: server.cost.pids[0] as number,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const server =
    name === 'nbdkit'
      ? await startNbdkit(workspace, ['memory', '1G'])
      : await startQemuNbd(workspace, { image: qemuMemory, format: 'raw', shared: 0 });
  return { uri: server.uri(), pid: server.pid, [Symbol.asyncDispose]: () => server.stop() };
}

async function measureIdle(start: () => Promise<Started>, connections: number, { pinning }: Setting): Promise<Run> {
  await using server = await start();
  const resident = async (): Promise<number> => {
    await sleep(settleMs);
    return readProcess(server.pid)?.residentBytes ?? Number.NaN;
  };
  const before = await resident();
  await using _clients = await startMeasured([...node, script, server.uri, String(connections)], pinning);
  return { values: { bytesPerConnection: ((await resident()) - before) / connections } };
}
