/** Runs one input and returns what is wrong, if anything. */
import type { Input, Target } from './target.ts';

/** An input may take so long, on a busy machine. */
const slowMs = 10_000;

let strayError: unknown;

/** From now on, uncaught errors and unhandled rejections count for the input that is being run. */
export function watchStrayErrors(): void {
  const note = (error: unknown): void => {
    strayError ??= error;
  };
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
}

/** Nothing when all is well. */
export async function judge(target: Target, input: Input): Promise<Error | undefined> {
  const start = performance.now();
  try {
    const work = target.run(input);
    if (work !== undefined) await work;
    if (strayError !== undefined) throw strayError;
    const elapsedMs = performance.now() - start;
    return elapsedMs > slowMs ? new Error(`it took ${Math.round(elapsedMs / 1000)} seconds`) : undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    strayError = undefined;
  }
}

/** Two findings of one kind have the same words, but for numbers, and the same place. */
export function kindOf(target: Target, error: Error): string {
  const place = /at (?:.* \()?[^ ]*?((?:packages|tooling)\/[^:]+\.ts)/.exec(error.stack ?? '')?.[1] ?? '';
  return `${target.name}: ${error.name}: ${error.message.replaceAll(/\d+/g, 'N').slice(0, 120)} ${place}`;
}
