/** All that `nbd dump` needs, in one file. */
import { declareDump } from '../commands/dump/command.ts';
import * as dump from '../commands/dump/run.ts';
import { startOneCommand } from './one-command.ts';

startOneCommand((add, context) => add(declareDump(context), async () => dump));
