/** Our client at our server, beside the least that can be done with as many bytes: the limit. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Workspace } from '@nbdjs/peers';
import { fioFill } from '../loads/fio.ts';
import { ourLoad } from '../loads/our-load.ts';
import { requestCandidate, timedLoad } from '../loads/request-load.ts';
import type { Cell } from '../measuring/cell.ts';
import type { Candidate } from '../measuring/run.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { startMeasured } from '../processes/measured-server.ts';
import { startOurs } from '../processes/our-server.ts';
import { loadOf, type OpenStage, openStage, type Setting } from './stage.ts';

const bareNode = [process.execPath, fileURLToPath(new URL('../limit/bare-node.mjs', import.meta.url))] as const;
const bareSource = fileURLToPath(new URL('../limit/bare.c', import.meta.url));
const copyNode = [process.execPath, fileURLToPath(new URL('../limit/memory-copy.mjs', import.meta.url))] as const;

export const openWholePath: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const ours = resources.use(await startOurs(workspace, 'ours', setting.pinning, ['memory:1G']));
    await runMeasured(fioFill(ours.uri));
    const bare = compile(workspace);
    return (cell, name) => {
      const load = loadOf(cell);
      const blockBytes = String(load.blockBytes);
      if (name === 'nbdjs') return requestCandidate(ourLoad(ours.uri), ours.cost, load, setting);
      if (name === 'bare Node') return bareCandidate(workspace, cell, bareNode, setting);
      if (name === 'bare Node, large buffer') {
        return bareCandidate(workspace, cell, bareNode, setting, 'serve-buffered');
      }
      if (name === 'memory copy in Node') return copyCandidate([...copyNode, blockBytes], cell, setting);
      if (bare === undefined) return 'no C compiler';
      if (name === 'bare C') return bareCandidate(workspace, cell, [bare], setting);
      return copyCandidate([bare, 'copy', blockBytes], cell, setting);
    };
  });

/** The program in C; `undefined` where there is no compiler. */
function compile(workspace: Workspace): string | undefined {
  const program = workspace.hostPath('bare');
  const { status, error, stderr } = spawnSync('cc', ['-O2', '-o', program, bareSource], { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`bare.c cannot be compiled: ${stderr}`);
  return program;
}

/** A server that lives as long as one run, because it knows one length of replies. */
function bareCandidate(
  workspace: Workspace,
  cell: Cell,
  program: readonly [string, ...string[]],
  setting: Setting,
  serve = 'serve',
): Candidate {
  const load = loadOf(cell);
  const blockBytes = String(load.blockBytes);
  const path = workspace.socketPath('bare.sock');
  const client = timedLoad((_load, seconds) => [...program, 'load', path, blockBytes, String(load.depth), seconds]);
  return {
    async measure() {
      rmSync(path, { force: true });
      await using server = await startMeasured([...program, serve, path, blockBytes], setting.pinning);
      return await requestCandidate(client, server.cost, load, setting).measure();
    },
  };
}

/** One program that has no server. */
function copyCandidate(command: readonly [string, ...string[]], cell: Cell, setting: Setting): Candidate {
  return requestCandidate(
    timedLoad((_load, seconds) => [...command, seconds]),
    undefined,
    loadOf(cell),
    setting,
  );
}
