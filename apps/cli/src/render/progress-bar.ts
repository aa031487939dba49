/** A progress bar for people. */
import { stripVTControlCharacters } from 'node:util';
import type { Colours } from './colours.ts';
import { roundedSize, timeSpan } from './human-size.ts';
import { type Progress, type ProgressFigures, updateIntervalMs } from './progress.ts';

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
    this.#timer = setInterval(() => this.#draw(), updateIntervalMs);
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

  finish(isSuccess: boolean): void {
    clearInterval(this.#timer);
    if (isSuccess) this.#showEnd();
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
    // With a rate close to 0 the time left would be centuries.
    const leftText = left === undefined || left > 360_000 ? '' : `  ${timeSpan(left)} left`;
    this.#show(share, `  ${roundedSize(this.#rate)}/s${leftText}${this.#ending}`);
  }

  /** A line that does not fit would wrap, and could not be redrawn in place; then the least important parts are left out. */
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
