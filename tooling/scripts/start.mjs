/** `npm start`: installs and builds what is missing, then runs the command line tool. */
import { spawn } from 'node:child_process';
import { prepare, root } from './pnpm.mjs';

prepare();

const child = spawn(process.execPath, [`${root}apps/cli/dist/main.js`, ...process.argv.slice(2)], { stdio: 'inherit' });
// The terminal sends its signals to the child as well; we only wait for how it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
