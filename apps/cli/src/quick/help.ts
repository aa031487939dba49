/** All that the version and the help of all commands need, in one file. */
import { type AddCommand, runCommandLine } from '../command-line.ts';
import { declareAttach } from '../commands/attach/command.ts';
import { declareBench } from '../commands/bench/command.ts';
import { declareCerts } from '../commands/certs/command.ts';
import { declareCheck } from '../commands/check/command.ts';
import { declareCheckImage } from '../commands/check-image/command.ts';
import { declareCommit } from '../commands/commit/command.ts';
import { declareCompare } from '../commands/compare/command.ts';
import { declareCompletion } from '../commands/completion/command.ts';
import { declareCopy } from '../commands/copy/command.ts';
import { declareCreate } from '../commands/create/command.ts';
import { declareDemo } from '../commands/demo/command.ts';
import { declareDetach } from '../commands/detach/command.ts';
import { declareDiscard } from '../commands/discard/command.ts';
import { declareDump } from '../commands/dump/command.ts';
import { declareHash } from '../commands/hash/command.ts';
import { declareInfo } from '../commands/info/command.ts';
import { declareList } from '../commands/list/command.ts';
import { declareManual } from '../commands/manual/command.ts';
import { declareMap } from '../commands/map/command.ts';
import * as objects from '../commands/objects/command.ts';
import { declareProxy } from '../commands/proxy/command.ts';
import { declareRebase } from '../commands/rebase/command.ts';
import { declareRelay } from '../commands/relay/command.ts';
import { declareReplay } from '../commands/replay/command.ts';
import { declareResize } from '../commands/resize/command.ts';
import { declareServe } from '../commands/serve/command.ts';
import { declareShell } from '../commands/shell/command.ts';
import { declareTrace } from '../commands/trace/command.ts';
import { declareZero } from '../commands/zero/command.ts';
import type { CommandContext } from '../options/command-context.ts';
import { start } from '../start.ts';

/** The words that choose this file end the program before a command is run. */
const unreachable = () => Promise.reject(new Error('nbd help was started to run a command'));

function register(add: AddCommand, context: CommandContext): void {
  add(declareInfo(context), unreachable);
  add(declareMap(context), unreachable);
  add(declareCopy(context), unreachable);
  add(declareCompare(context), unreachable);
  add(declareHash(context), unreachable);
  add(declareDump(context), unreachable);
  add(declareZero(context), unreachable);
  add(declareDiscard(context), unreachable);
  add(declareResize(context), unreachable);
  add(declareCheck(context), unreachable);
  add(declareBench(context), unreachable);
  add(declareShell(context), unreachable);
  add(declareServe(context), unreachable);
  add(declareAttach(context), unreachable);
  add(declareDetach(context), unreachable);
  add(declareList(context), unreachable);
  add(declareCreate(context), unreachable);
  add(declareCheckImage(context), unreachable);
  add(declareCommit(context), unreachable);
  add(declareRebase(context), unreachable);
  add(declareRelay(context), unreachable);
  const family = objects.declareObjects(context);
  add(objects.declareCreate(context), unreachable, family);
  add(objects.declareList(context), unreachable, family);
  add(objects.declareDiskInfo(context), unreachable, family);
  add(objects.declareSnapshot(context), unreachable, family);
  add(objects.declareClone(context), unreachable, family);
  add(objects.declareResize(context), unreachable, family);
  add(objects.declareDelete(context), unreachable, family);
  add(objects.declareGc(context), unreachable, family);
  add(objects.declareFsck(context), unreachable, family);
  add(declareProxy(context), unreachable);
  add(declareTrace(context), unreachable);
  add(declareReplay(context), unreachable);
  add(declareCerts(context), unreachable);
  add(declareDemo(context), unreachable);
  add(declareManual(context), unreachable);
  add(declareCompletion(context), unreachable);
}

void start((argv, terminal) => runCommandLine(argv, terminal, { register, runAlone: unreachable }));
