/** All that `nbd info` needs, in one file. */
import { runCommandLine } from '../command-line.ts';
import { declareInfo } from '../commands/info/command.ts';
import * as info from '../commands/info/run.ts';
import { start } from '../start.ts';

void start((argv, terminal) =>
  runCommandLine(argv, terminal, {
    register: (add, context) => add(declareInfo(context), async () => info),
    runAlone: () => Promise.reject(new Error('nbd info was started without its name')),
  }),
);
