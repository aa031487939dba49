/** Progress for programs: lines on a descriptor. */
import { writeSync } from 'node:fs';
import { argumentError } from '../errors/argument-error.ts';
import { type Progress, type ProgressFigures, updateIntervalMs } from './progress.ts';

/** `N/100` lines on a descriptor, whenever N grows: what nbdcopy's `--progress=FD` prints. */
export class PercentLines implements Progress {
  readonly #fd: number;
  #percent = -1;
  #isCopied = false;

  constructor(fd: number) {
    this.#fd = fd;
    this.#print(0);
  }

  update({ doneBytes, totalBytes }: ProgressFigures): void {
    if (totalBytes === undefined || totalBytes === 0n || this.#isCopied) return;
    // 100 is kept for the end, when everything has been flushed.
    const percent = Math.min(99, Number((doneBytes * 100n) / totalBytes));
    if (percent > this.#percent) this.#print(percent);
  }

  verifying(): void {
    this.#isCopied = true;
  }

  finish(isSuccess: boolean): void {
    if (isSuccess) this.#print(100);
  }

  #print(percent: number): void {
    this.#percent = percent;
    writeProgressLine(this.#fd, `${percent}/100`);
  }
}

/** One JSON object a line, at most ten a second, and one at the end. */
export class JsonLines implements Progress {
  readonly #fd: number;
  readonly #startMs = performance.now();
  #state: string;
  #lastMs = 0;
  #figures: ProgressFigures = { doneBytes: 0n };

  /** `state`: what is being done. */
  constructor(fd: number, state: string) {
    this.#fd = fd;
    this.#state = state;
  }

  update(figures: ProgressFigures): void {
    this.#figures = figures;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < updateIntervalMs) return;
    this.#lastMs = nowMs;
    this.#print(this.#state);
  }

  verifying(): void {
    this.#state = 'verifying';
    this.#print(this.#state);
  }

  finish(isSuccess: boolean): void {
    this.#print(isSuccess ? 'done' : 'failed');
  }

  #print(state: string): void {
    const { doneBytes, totalBytes } = this.#figures;
    const seconds = (performance.now() - this.#startMs) / 1000;
    const total = totalBytes === undefined ? '' : `, "totalBytes": ${totalBytes}`;
    const rate = Math.round(Number(doneBytes) / Math.max(seconds, 0.001));
    writeProgressLine(
      this.#fd,
      `{ "state": "${state}", "doneBytes": ${doneBytes}${total}, "seconds": ${seconds.toFixed(3)}, "bytesPerSecond": ${rate} }`,
    );
  }
}

/** When the other end of the descriptor is closed or full, the work goes on: its progress matters less. */
export function writeProgressLine(fd: number, line: string): void {
  try {
    writeSync(fd, `${line}\n`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EPIPE' || code === 'EAGAIN') return;
    throw argumentError(`--progress: descriptor ${fd} cannot be written to (${code})`, { cause: error });
  }
}
