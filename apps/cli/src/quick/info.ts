/** All that `nbd info` needs, in one file. */
import { declareInfo } from '../commands/info/command.ts';
import * as info from '../commands/info/run.ts';
import { startOneCommand } from './one-command.ts';

startOneCommand((add, context) => add(declareInfo(context), async () => info));
