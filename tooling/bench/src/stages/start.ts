/** How long `nbd info` takes, beside Node that does nothing, and nbdinfo. */
import { startNbdkit, Workspace } from '@nbdjs/peers';
import type { Candidate } from '../measuring/run.ts';
import { median } from '../measuring/statistics.ts';
import { runMeasured } from '../processes/measured-command.ts';
import { nbd } from '../processes/measured-server.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import type { Pinning } from '../processes/pinning.ts';
import { type OpenStage, openStage } from './stage.ts';

export const openStart: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const nbdkit = resources.use(await startNbdkit(workspace, ['null', 'size=1G']));
    const { uri } = measuredPeer(nbdkit, setting.pinning);
    const commands = {
      'nbd info': [...nbd, 'info', uri],
      'node -e 0': [process.execPath, '-e', '0'],
      nbdinfo: ['nbdinfo', uri],
    } as const;
    return (_cell, name) => startCandidate(commands[name as keyof typeof commands], setting.seconds, setting.pinning);
  });

/** The median of as many starts as fit into a run: one alone takes too short to be measured. */
function startCandidate(command: readonly [string, ...string[]], seconds: number, pinning: Pinning): Candidate {
  return {
    async measure() {
      const all: number[] = [];
      const endMs = performance.now() + seconds * 1000;
      do all.push((await runMeasured(pinning.command('client', command))).seconds);
      while (performance.now() < endMs);
      return { values: { seconds: median(all) } };
    },
  };
}
