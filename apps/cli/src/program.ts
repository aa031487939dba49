/** The command line with all commands. */
import { type Commands, type Register, runCommandLine } from './command-line.ts';
import { declareAttach } from './commands/attach/command.ts';
import { declareBench } from './commands/bench/command.ts';
import { declareCerts } from './commands/certs/command.ts';
import { declareCheck } from './commands/check/command.ts';
import { declareCheckImage } from './commands/check-image/command.ts';
import { declareCommit } from './commands/commit/command.ts';
import { declareCompare } from './commands/compare/command.ts';
import { declareCompletion } from './commands/completion/command.ts';
import { declareCopy } from './commands/copy/command.ts';
import { declareCreate } from './commands/create/command.ts';
import { declareDemo } from './commands/demo/command.ts';
import { declareDetach } from './commands/detach/command.ts';
import { declareDiscard } from './commands/discard/command.ts';
import { declareDump } from './commands/dump/command.ts';
import { declareHash } from './commands/hash/command.ts';
import { declareInfo } from './commands/info/command.ts';
import { declareList } from './commands/list/command.ts';
import { declareManual } from './commands/manual/command.ts';
import { declareMap } from './commands/map/command.ts';
import { declareMount } from './commands/mount/command.ts';
import * as objects from './commands/objects/command.ts';
import { declareProxy } from './commands/proxy/command.ts';
import { declareRebase } from './commands/rebase/command.ts';
import { declareRelay } from './commands/relay/command.ts';
import { declareReplay } from './commands/replay/command.ts';
import { declareResize } from './commands/resize/command.ts';
import { declareServe } from './commands/serve/command.ts';
import { declareShell } from './commands/shell/command.ts';
import { declareTrace } from './commands/trace/command.ts';
import { declareZero } from './commands/zero/command.ts';
import type { Terminal } from './terminal.ts';

/** Adds all commands, in the order of the help. */
export const register: Register = (add, context) => {
  add(declareInfo(context), () => import('./commands/info/run.ts'));
  add(declareMap(context), () => import('./commands/map/run.ts'));
  add(declareCopy(context), () => import('./commands/copy/run.ts'));
  add(declareCompare(context), () => import('./commands/compare/run.ts'));
  add(declareHash(context), () => import('./commands/hash/run.ts'));
  add(declareDump(context), () => import('./commands/dump/run.ts'));
  add(declareZero(context), () => import('./commands/zero/run.ts'));
  add(declareDiscard(context), () => import('./commands/discard/run.ts'));
  add(declareResize(context), () => import('./commands/resize/run.ts'));
  add(declareCheck(context), () => import('./commands/check/run.ts'));
  add(declareBench(context), () => import('./commands/bench/run.ts'));
  add(declareShell(context), () => import('./commands/shell/run.ts'));
  add(declareMount(context), () => import('./commands/mount/run.ts'));
  add(declareServe(context), () => import('./commands/serve/run.ts'));
  add(declareAttach(context), () => import('./commands/attach/run.ts'));
  add(declareDetach(context), () => import('./commands/detach/run.ts'));
  add(declareList(context), () => import('./commands/list/run.ts'));
  add(declareCreate(context), () => import('./commands/create/run.ts'));
  add(declareCheckImage(context), () => import('./commands/check-image/run.ts'));
  add(declareCommit(context), () => import('./commands/commit/run.ts'));
  add(declareRebase(context), () => import('./commands/rebase/run.ts'));
  add(declareRelay(context), () => import('./commands/relay/run.ts'));
  const family = objects.declareObjects(context);
  add(objects.declareCreate(context), () => import('./commands/objects/create.ts'), family);
  add(objects.declareList(context), () => import('./commands/objects/list.ts'), family);
  add(objects.declareDiskInfo(context), () => import('./commands/objects/info.ts'), family);
  add(objects.declareSnapshot(context), () => import('./commands/objects/snapshot.ts'), family);
  add(objects.declareClone(context), () => import('./commands/objects/clone.ts'), family);
  add(objects.declareResize(context), () => import('./commands/objects/resize.ts'), family);
  add(objects.declareDelete(context), () => import('./commands/objects/delete.ts'), family);
  add(objects.declareGc(context), () => import('./commands/objects/gc.ts'), family);
  add(objects.declareFsck(context), () => import('./commands/objects/fsck.ts'), family);
  add(declareProxy(context), () => import('./commands/proxy/run.ts'));
  add(declareTrace(context), () => import('./commands/trace/run.ts'));
  add(declareReplay(context), () => import('./commands/replay/run.ts'));
  add(declareCerts(context), () => import('./commands/certs/run.ts'));
  add(declareDemo(context), () => import('./commands/demo/run.ts'));
  add(declareManual(context), () => import('./commands/manual/run.ts'));
  add(declareCompletion(context), () => import('./commands/completion/run.ts'));
};

const commands: Commands = {
  register,
  // Without a command it is the demo.
  runAlone: async (context) => (await import('./commands/demo/run.ts')).run(context, {}),
};

/** Runs one command line. Never throws; the result is the exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  return await runCommandLine(argv, terminal, commands);
}
