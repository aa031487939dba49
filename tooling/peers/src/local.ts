/** What tests need whether or not there are real peers: processes that end with the test, folders and disk images. */
export { type Child, type Exit, spawnChild } from './child.ts';
export { allocatedBytes, type ImageArea, makeRawImage, sha256OfFile } from './images.ts';
export { builtNbd, nbdCommand } from './nbd-command.ts';
export type { Generation } from './programs.ts';
export { type RunOptions, type RunResult, runCommandLine } from './run.ts';
export { createWorkspace, Workspace } from './workspace.ts';
