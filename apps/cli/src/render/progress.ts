/** How far a copy has come: a bar for people, lines for programs. */
import { writeSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { UsageError } from '@nbdjs/interfaces';
import type { Colours } from './colours.ts';
import { roundedSize, timeSpan } from './human-size.ts';

export interface ProgressFigures {
  readonly doneBytes: bigint;
  /** Absent when the source is a stream of unknown length. */
  readonly totalBytes?: bigint | undefined;
}

export interface Progress {
  /** Called as often as there is news; draws at its own pace. */
  update(figures: ProgressFigures): void;
  /** The copy is over; from now on the figures are about comparing. */
  verifying(): void;
  /** Draws the final state, and leaves the terminal clean. */
  finish(success: boolean): void;
}

export const noProgress: Progress = { update() {}, verifying() {}, finish() {} };

const drawIntervalMs = 100;
const barWidth = 24;
/** The rate is smoothed over about this long, so that the time left does not jump about. */
const smoothingMs = 3000;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** A bar on a terminal, redrawn in place. */
export class ProgressBar implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #colours: Colours;
  readonly #timer: NodeJS.Timeout;
  #startMs = performance.now();
  #ending = '';
  #figures: ProgressFigures = { doneBytes: 0n };
  #rate = 0;
  #rateMs = this.#startMs;
  #rateBytes = 0n;

  constructor(stream: NodeJS.WriteStream, colours: Colours) {
    this.#stream = stream;
    this.#colours = colours;
    this.#timer = setInterval(() => this.#draw(), drawIntervalMs);
    this.#timer.unref();
  }

  update(figures: ProgressFigures): void {
    this.#figures = figures;
  }

  verifying(): void {
    this.#showEnd();
    this.#ending = '  compared';
    this.#startMs = performance.now();
    this.#figures = { ...this.#figures, doneBytes: 0n };
    this.#rate = 0;
    this.#rateMs = this.#startMs;
    this.#rateBytes = 0n;
  }

  finish(success: boolean): void {
    clearInterval(this.#timer);
    if (success) this.#showEnd();
    else this.#stream.write('\r\x1b[K');
  }

  #showEnd(): void {
    const seconds = (performance.now() - this.#startMs) / 1000;
    const rate = roundedSize(Number(this.#figures.doneBytes) / Math.max(seconds, 0.001));
    this.#show(1, `  ${rate}/s  in ${timeSpan(seconds)}${this.#ending}`, '\n');
  }

  #draw(): void {
    const { doneBytes, totalBytes } = this.#figures;
    const nowMs = performance.now();
    this.#measure(nowMs, doneBytes);
    const share = totalBytes === undefined || totalBytes === 0n ? 0 : Number(doneBytes) / Number(totalBytes);
    const left = totalBytes === undefined || this.#rate <= 0 ? undefined : Number(totalBytes - doneBytes) / this.#rate;
    // A rate that is next to nothing would promise centuries.
    const leftText = left === undefined || left > 360_000 ? '' : `  ${timeSpan(left)} left`;
    this.#show(share, `  ${roundedSize(this.#rate)}/s${leftText}${this.#ending}`);
  }

  /** A line that does not fit would wrap, and could not be redrawn in place; what matters least is left out then. */
  #show(share: number, details: string, ending = ''): void {
    const { columns = 80 } = this.#stream;
    const line = this.#line(share);
    const width = (text: string): number => stripVTControlCharacters(text).length;
    const fitting = [line + details, line, this.#figuresText(share)].find((text) => width(text) < columns);
    this.#stream.write(`\r\x1b[K${fitting ?? ''}${ending}`);
  }

  #line(share: number): string {
    const text = this.#figuresText(share);
    return this.#figures.totalBytes === undefined ? text : `${this.#bar(share)} ${text}`;
  }

  #figuresText(share: number): string {
    const { doneBytes, totalBytes } = this.#figures;
    const done = roundedSize(Number(doneBytes));
    if (totalBytes === undefined) return done;
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    return `${percent} %  ${done} of ${roundedSize(Number(totalBytes))}`;
  }

  #bar(share: number): string {
    const cells = Math.min(1, share) * barWidth;
    const full = Math.floor(cells);
    const bar = '█'.repeat(full) + (full < barWidth ? eighths[Math.floor((cells - full) * 8)] : '');
    return `${this.#colours.dim('▕')}${this.#colours.cyan(bar.padEnd(barWidth))}${this.#colours.dim('▏')}`;
  }

  #measure(nowMs: number, doneBytes: bigint): void {
    const spanMs = nowMs - this.#rateMs;
    if (spanMs <= 0) return;
    const rate = (Number(doneBytes - this.#rateBytes) / spanMs) * 1000;
    const weight = Math.min(1, spanMs / Math.min(smoothingMs, nowMs - this.#startMs + 1));
    this.#rate += (rate - this.#rate) * weight;
    this.#rateMs = nowMs;
    this.#rateBytes = doneBytes;
  }
}

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

  finish(success: boolean): void {
    if (success) this.#print(100);
  }

  #print(percent: number): void {
    this.#percent = percent;
    writeLine(this.#fd, `${percent}/100`);
  }
}

/** One JSON object a line, at most ten a second, and one at the end. */
export class JsonLines implements Progress {
  readonly #fd: number;
  readonly #startMs = performance.now();
  #state = 'copying';
  #lastMs = 0;
  #figures: ProgressFigures = { doneBytes: 0n };

  constructor(fd: number) {
    this.#fd = fd;
  }

  update(figures: ProgressFigures): void {
    this.#figures = figures;
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < drawIntervalMs) return;
    this.#lastMs = nowMs;
    this.#print(this.#state);
  }

  verifying(): void {
    this.#state = 'verifying';
    this.#print(this.#state);
  }

  finish(success: boolean): void {
    this.#print(success ? 'done' : 'failed');
  }

  #print(state: string): void {
    const { doneBytes, totalBytes } = this.#figures;
    const seconds = (performance.now() - this.#startMs) / 1000;
    const total = totalBytes === undefined ? '' : `, "totalBytes": ${totalBytes}`;
    const rate = Math.round(Number(doneBytes) / Math.max(seconds, 0.001));
    writeLine(
      this.#fd,
      `{ "state": "${state}", "doneBytes": ${doneBytes}${total}, "seconds": ${seconds.toFixed(3)}, "bytesPerSecond": ${rate} }`,
    );
  }
}

/** Progress is a courtesy: when nobody reads it any more, the copy goes on. */
function writeLine(fd: number, line: string): void {
  try {
    writeSync(fd, `${line}\n`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EPIPE' || code === 'EAGAIN') return;
    throw new UsageError('ERR_NBD_ARGUMENT', `--progress: descriptor ${fd} cannot be written to (${code})`, {
      cause: error,
    });
  }
}
