/** What is shown while a load runs: a line that is written anew, or lines of JSON. */
import { stripVTControlCharacters } from 'node:util';
import type { LoadProgress } from '@nbdjs/load';
import { argumentError } from '../../errors/argument-error.ts';
import type { Colours } from '../../render/colours.ts';
import { compactJson } from '../../render/exact-json.ts';
import { roundedSize, timeSpan } from '../../render/human-size.ts';
import { latencyText, rateText } from '../../render/load-figures.ts';
import { printable } from '../../render/printable.ts';
import { writeProgressLine } from '../../render/progress-lines.ts';
import type { Terminal } from '../../terminal.ts';

/** One load on one server. */
interface BenchTurn {
  readonly name: string;
  readonly round: number;
  readonly rounds: number;
  readonly durationMs: number | undefined;
}

export interface LiveFigures {
  /** How often it is to be called. */
  readonly intervalMs: number;
  begin(turn: BenchTurn): void;
  show(progress: LoadProgress): void;
  /** Leaves the terminal clean. */
  end(): void;
}

/** What the options ask for. Without them it is a line on a terminal. */
export function createLiveFigures(
  {
    quiet,
    progress,
    color,
  }: { quiet?: boolean | undefined; progress?: string | undefined; color?: boolean | undefined },
  terminal: Terminal,
): LiveFigures {
  if (progress === undefined) {
    const isShown = quiet !== true && terminal.stderr.isTTY && terminal.stdout.isTTY !== false;
    return isShown ? new LiveLine(terminal.stderr, terminal.colours('stderr', color)) : noFigures;
  }
  if (progress === 'bar') return new LiveLine(terminal.stderr, terminal.colours('stderr', color));
  const match = /^json(?::(\d{1,4}))?$/.exec(progress);
  if (match === null) throw argumentError(`--progress: '${progress}' is not 'bar', 'json' or 'json:FD'`);
  return new JsonFigures(match[1] === undefined ? 2 : Number(match[1]));
}

const noFigures: LiveFigures = { intervalMs: 1000, begin() {}, show() {}, end() {} };

class LiveLine implements LiveFigures {
  readonly intervalMs = 250;
  readonly #stream: NodeJS.WriteStream;
  readonly #colours: Colours;
  #turn: BenchTurn | undefined;

  constructor(stream: NodeJS.WriteStream, colours: Colours) {
    this.#stream = stream;
    this.#colours = colours;
  }

  begin(turn: BenchTurn): void {
    this.#turn = turn;
    this.#draw([this.#place(), 'begins']);
  }

  show(progress: LoadProgress): void {
    const { phase, seconds, requestsPerSecond, bytesPerSecond, p50Us, p99Us, failed } = progress;
    if (phase === 'warming-up') {
      this.#draw([this.#place(), 'warming up']);
      return;
    }
    const lasts = this.#turn?.durationMs;
    const span = lasts === undefined ? timeSpan(seconds) : `${timeSpan(seconds)} of ${timeSpan(lasts / 1000)}`;
    if (phase === 'verifying') {
      this.#draw([this.#place(), span, 'reads what was written']);
      return;
    }
    this.#draw([
      this.#place(),
      span,
      this.#colours.bold(`${rateText(requestsPerSecond)}/s`),
      ...(failed > 0 ? [this.#colours.red(`${failed} failed`)] : []),
      `${roundedSize(bytesPerSecond)}/s`,
      ...(p50Us === undefined ? [] : [`p50 ${latencyText(p50Us)}`]),
      ...(p99Us === undefined ? [] : [`p99 ${latencyText(p99Us)}`]),
    ]);
  }

  end(): void {
    this.#stream.write('\r\x1b[K');
  }

  /** Which turn of which server it is, where there are several. */
  #place(): string {
    if (this.#turn === undefined || this.#turn.rounds === 1) return '';
    const { name, round, rounds } = this.#turn;
    return this.#colours.dim(`${round}/${rounds} ${printable(name)}`);
  }

  /** A line that does not fit would wrap, and could not be written anew; then its last parts are left out. */
  #draw(parts: readonly string[]): void {
    const shown = parts.filter((part) => part !== '');
    // A terminal that does not know its width says 0.
    const columns = this.#stream.columns || 80;
    while (shown.length > 1 && stripVTControlCharacters(shown.join('  ')).length >= columns) {
      // A long name says less than figures.
      if (shown.length > 2 && parts[0] === shown[0] && parts[0] !== '') shown.shift();
      else shown.pop();
    }
    this.#stream.write(`\r\x1b[K${shown.join('  ')}`);
  }
}

/** One line a second. */
class JsonFigures implements LiveFigures {
  readonly intervalMs = 1000;
  readonly #fd: number;
  #turn: BenchTurn | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  begin(turn: BenchTurn): void {
    this.#turn = turn;
  }

  show(progress: LoadProgress): void {
    const { name, round } = this.#turn ?? { name: '', round: 0 };
    writeProgressLine(this.#fd, compactJson({ server: name, round, ...progress }));
  }

  end(): void {}
}
