/** All that the version and the help of all commands need, in one file: the build leaves out what runs the commands. */
import { type AddCommand, runCommandLine } from '../command-line.ts';
import { register } from '../program.ts';
import { start } from '../start.ts';

/** The words that choose this file end the program before a command is run. */
const unreachable = () => Promise.reject(new Error('nbd help was started to run a command'));

void start((argv, terminal) =>
  runCommandLine(argv, terminal, {
    register: (add, context) => {
      const addIdle: AddCommand = (command, _load, family) => add(command, unreachable, family);
      register(addIdle, context);
    },
    runAlone: unreachable,
  }),
);
