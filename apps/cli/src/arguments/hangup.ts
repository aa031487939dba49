/** What a command that runs for long makes of SIGHUP. */
import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/**
 * nohup(1) and `trap '' HUP` have a program ignore SIGHUP, and Node undoes that at its start, before anybody can look. So it has to be said
 * once more.
 */
export function addNoHangup(command: Command, terminal: Terminal): Command {
  return command
    .option('--no-hangup', 'live on when the terminal hangs up (SIGHUP); needed with nohup, too')
    .hook('preAction', () => {
      if (command.opts().hangup === false) terminal.outliveHangups();
    });
}
