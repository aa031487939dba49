/** A server that is 50 ms away, compared with one on the same machine. */
import { fileURLToPath } from 'node:url';
import { makeRawImage, startQemuNbd, Workspace } from '@nbdjs/peers';
import { roundTripMs } from '../cells/distance.ts';
import { commandCandidate } from '../loads/command-candidate.ts';
import { node, ourLoad } from '../loads/our-load.ts';
import { requestCandidate } from '../loads/request-load.ts';
import { nbd, startMeasured } from '../processes/measured-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

const bytes = 4 * 2 ** 30;
const script = fileURLToPath(new URL('../distance.ts', import.meta.url));
const streamScript = fileURLToPath(new URL('../stream-load.mjs', import.meta.url));

export const openDistance: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    makeRawImage(workspace.hostPath('source.img'), bytes, [{ offset: 0, length: bytes }]);
    const source = resources.use(await startQemuNbd(workspace, { image: 'source.img', format: 'raw', readOnly: true }));
    const proxies = new Map<string, string>();
    for (const [name, delayMs] of [
      ['far', roundTripMs],
      ['near', 0],
    ] as const) {
      const path = workspace.socketPath(name);
      const args = ['--conditions', '@nbdjs/source', script, path, source.socketPath, String(delayMs)];
      resources.use(await startMeasured([...node, ...args], setting.pinning));
      proxies.set(name, `nbd+unix:///?socket=${path}`);
    }
    return (cell, name) => {
      const uri = proxies.get(name) as string;
      if (cell.operation.startsWith('stream'))
        return commandCandidate([process.execPath, streamScript, uri], { bytes });
      return cell.blockBytes === undefined
        ? commandCandidate([...nbd, 'copy', '-C', '1', uri, 'null:'], { bytes })
        : requestCandidate(ourLoad(uri), undefined, loadOf(cell), setting);
    };
  });
