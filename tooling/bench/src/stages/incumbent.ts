/** The client against the JavaScript client that is common today: what a gigabyte costs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNbdkitOverTcp, Workspace } from '@nbdjs/peers';
import { name, version } from '../cells/incumbent.ts';
import { ourLoad } from '../loads/our-load.ts';
import { type LoadClient, requestCandidate, timedLoad } from '../loads/request-load.ts';
import { measuredPeer } from '../processes/peer-server.ts';
import { loadOf, type OpenStage, openStage } from './stage.ts';

export const openIncumbent: OpenStage = (setting) =>
  openStage(async (resources) => {
    const folder = resources.use(new Workspace('bookworm')).folder;
    const workspace = resources.use(new Workspace(setting.generation));
    // The incumbent knows no Unix sockets, so both go by TCP.
    const server = resources.use(await startNbdkitOverTcp(workspace, ['null', 'size=1G']));
    const { uri, cost } = measuredPeer(server, setting.pinning);
    const obstacle = install(folder);
    return (cell, candidate) => {
      const load = loadOf(cell);
      if (candidate === 'nbdjs') return requestCandidate(ourLoad(uri), cost, load, setting);
      return obstacle ?? requestCandidate(incumbentLoad(folder, server.port), cost, load, setting);
    };
  });

/** Installs it, with what it does the load with; gives the reason when that is not possible here. */
function install(folder: string): string | undefined {
  // It asks for versions that not every registry has. Neither takes part in reading from a server.
  const overrides = { '@xen-orchestra/async-map': '0.1.4', 'xen-api': '4.7.6' };
  writeFileSync(`${folder}/package.json`, JSON.stringify({ type: 'module', overrides }));
  const args = ['install', '--no-save', '--ignore-scripts', '--silent', `${name}@${version}`];
  spawnSync('npm', args, { cwd: folder, timeout: 120_000 });
  if (!existsSync(`${folder}/node_modules/${name}`)) return `${name} ${version} cannot be installed here`;
  for (const file of ['../incumbent-load.mjs', '../node-counters.mjs']) {
    copyFileSync(fileURLToPath(new URL(file, import.meta.url)), `${folder}/${basename(file)}`);
  }
  return undefined;
}

function incumbentLoad(folder: string, port: number): LoadClient {
  return timedLoad(({ blockBytes, depth }, seconds) => [
    process.execPath,
    `${folder}/incumbent-load.mjs`,
    ...[port, blockBytes, depth].map(String),
    seconds,
  ]);
}
