/** Real NBD servers and clients for tests: finding, starting and ending them. */
export { type Ceph, type CephOptions, cephPrograms, startCeph } from './ceph.ts';
export { type Child, type Exit, spawnChild } from './child.ts';
export { allocatedBytes, type ImageArea, makeRawImage, sha256OfFile } from './images.ts';
export { builtNbd, nbdCommand } from './nbd-command.ts';
export { type NbdServerExport, type NbdServerOptions, startNbdServer } from './nbd-server.ts';
export { type NbdkitOptions, startNbdkit, startNbdkitOverTcp } from './nbdkit.ts';
export {
  commandLine,
  findPeer,
  findProgram,
  type Generation,
  generations,
  generationsWith,
  missingOf,
  missingPeers,
  missingPeersLine,
  type Peer,
  type Program,
  peersRequired,
  programs,
  trixieRoot,
  versionOf,
} from './programs.ts';
export { allocatedRanges, makeQcow2, type Qcow2Options, qcow2WrittenByte } from './qcow2.ts';
export { type QemuNbdOptions, startQemuNbd } from './qemu-nbd.ts';
export { Qmp } from './qmp.ts';
export { type RunOptions, type RunResult, runCommandLine, runPeer } from './run.ts';
export type { Listening, PeerServer } from './server.ts';
export { type StorageDaemon, type StorageDaemonOptions, startStorageDaemon } from './storage-daemon.ts';
export { canUseFuse, describeMounts, describePeers, describeTools } from './vitest.ts';
export { createWorkspace, Workspace } from './workspace.ts';
