/** `nbd copy --threads`: in how many threads a copy runs. */
import { availableParallelism } from 'node:os';
import { argumentError } from '../../errors/argument-error.ts';
import { isCompression } from '../../images/formats.ts';
import { describeOperand, isWebUrl, type Operand } from '../../options/operand.ts';
import { descriptorOf } from './byte-streams.ts';
import type { CopyOptions } from './command.ts';
import type { SourceSide, TargetSide } from './side.ts';

/** The start of threads takes longer than they save where there is no more than this to copy. */
const automaticBytesMin = 2n ** 30n;
const automaticMax = 4;

/** Finds out how many threads there can be, while the sides are opened. */
export class ThreadCount {
  readonly #options: CopyOptions;
  readonly #operands: readonly Operand[];
  #isPossible = true;

  /** @throws UsageError when a number of threads is asked for, and the command line alone shows that it is not possible. */
  constructor(options: CopyOptions, source: Operand, destination: Operand) {
    this.#options = options;
    this.#operands = [source, destination];
    this.#consider(obstacleOf(options, this.#operands));
  }

  /** @throws UsageError when a number of threads is asked for, and a side that is open now makes it impossible. */
  opened(side: SourceSide | TargetSide): void {
    if (side.type === 'stream') this.#consider('a stream belongs to one thread');
    else if (side.type === 'image') this.#consider(`${side.name}: an image is written from its start to its end`);
    else if (side.steps?.some(isCompression) === true)
      this.#consider(`${side.name}: each thread would decompress it for itself`);
    else if (!side.device.abilities.multiConn)
      this.#consider(`${side.name}: the server does not allow several connections`);
  }

  /** How many threads copy `from`, the main thread included. */
  count(from: SourceSide, processors = availableParallelism()): number {
    const { threads = 'auto', connections = automaticMax } = this.#options;
    if (!this.#isPossible) return 1;
    if (threads !== 'auto') return threads;
    const isLong = from.type === 'device' && from.device.geometry.size > automaticBytesMin;
    // Client and server use both of two processors already.
    if (processors <= 2 || !isLong || !this.#operands.some(({ type }) => type === 'uri')) return 1;
    return Math.min(processors - 1, automaticMax, connections);
  }

  #consider(obstacle: string | undefined): void {
    const { threads = 'auto' } = this.#options;
    if (obstacle === undefined || threads === 1) return;
    if (threads !== 'auto') throw argumentError(`--threads ${threads}: ${obstacle}`);
    this.#isPossible = false;
  }
}

/** Returns why a copy cannot run in threads, in words. */
function obstacleOf(
  { changed, checkpoint, rate, synchronous, connections, threads }: CopyOptions,
  operands: readonly Operand[],
): string | undefined {
  if (synchronous === true) return '--synchronous asks for one request at a time';
  if (changed !== undefined) return '--changed copies what is marked from the beginning to the end';
  if (rate !== undefined) return '--rate is about the whole copy';
  if (checkpoint !== undefined) return '--checkpoint needs a copy that goes from the beginning to the end';
  if (typeof threads === 'number' && connections !== undefined && connections < threads) {
    return `each thread needs a connection, and --connections is ${connections}`;
  }
  return operands.map(obstacleOfOperand).find((obstacle) => obstacle !== undefined);
}

function obstacleOfOperand(operand: Operand): string | undefined {
  const name = describeOperand(operand);
  if (operand.type === 'disk') return `${name}: a disk in a store has one writer, in one thread`;
  if (operand.type === 'command') return `${name}: each thread would start a command of its own`;
  if (operand.type === 'uri' && isWebUrl(operand.uri)) return `${name}: a connection of HTTP belongs to one thread`;
  const isDescriptor = operand.type === 'file' && descriptorOf(operand.path) !== undefined;
  return operand.type === 'stdio' || isDescriptor ? `${name}: a descriptor belongs to one thread` : undefined;
}
