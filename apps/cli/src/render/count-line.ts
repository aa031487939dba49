/** A line for people that counts what is done, redrawn in place. */
import type { Terminal } from '../terminal.ts';
import { updateIntervalMs } from './progress.ts';

export interface CountLine {
  /** Shows a text, if the last one is old enough. */
  show(text: string): void;
  /** Leaves the terminal clean. */
  finish(): void;
}

const none: CountLine = { show() {}, finish() {} };

/** Makes one on a terminal; elsewhere nothing is shown. */
export function createCountLine({ stderr }: Terminal, isQuiet: boolean): CountLine {
  if (isQuiet || !stderr.isTTY) return none;
  let shownMs = Number.NEGATIVE_INFINITY;
  let isShown = false;
  return {
    show(text) {
      const now = performance.now();
      if (now - shownMs < updateIntervalMs) return;
      shownMs = now;
      isShown = true;
      const { columns = 80 } = stderr;
      stderr.write(`\r\x1b[K${text.slice(0, columns - 1)}`);
    },
    finish() {
      if (isShown) stderr.write('\r\x1b[K');
      isShown = false;
    },
  };
}
