/** All that `nbd serve` needs, in one file. */
import { declareServe } from '../commands/serve/command.ts';
import * as serve from '../commands/serve/run.ts';
import { startOneCommand } from './one-command.ts';

startOneCommand((add, context) => add(declareServe(context), async () => serve));
