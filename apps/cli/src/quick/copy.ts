/** All that `nbd copy` needs, in one file. */
import { declareCopy } from '../commands/copy/command.ts';
import * as copy from '../commands/copy/run.ts';
import { startOneCommand } from './one-command.ts';

startOneCommand((add, context) => add(declareCopy(context), async () => copy));
