/** Real NBD servers and clients for tests: finding, starting and ending them. */
export { allocatedBytes, type ImageArea, makeRawImage, sha256OfFile } from './images.ts';
export {
  commandLine,
  findProgram,
  type Generation,
  generationsWith,
  missingPeers,
  missingPeersLine,
  type Program,
  peersRequired,
  programs,
  trixieRoot,
  versionOf,
} from './programs.ts';
export { type RunOptions, type RunResult, runCommandLine, runPeer } from './run.ts';
export {
  type NbdServerExport,
  type PeerServer,
  type QemuNbdOptions,
  startNbdkit,
  startNbdkitOverTcp,
  startNbdServer,
  startQemuNbd,
} from './servers.ts';
export { describePeers } from './vitest.ts';
export { Workspace } from './workspace.ts';
