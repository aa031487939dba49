/**
 * `npm start`: installs and builds what is missing, then runs the command line tool. npm prints a banner into the output before;
 * `npm start --silent` leaves it out. That is not set for the project, because npm's own errors would be silent, too.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { prepare, program } from './pnpm.mjs';

prepare();

const child = spawn(process.execPath, [program, ...process.argv.slice(2)], {
  // npm moves to the root of the project; relative paths are meant from where it was called.
  cwd: process.env.INIT_CWD ?? process.cwd(),
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal interrupts the child itself; twice would mean something else to it.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  process.stderr.write(`nbdjs: ${error.message}\n`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
