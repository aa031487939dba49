/** Makes inputs from a seed, one after the other, and runs them. */
import { seededRandom } from '@nbdjs/testkit';
import { judge, kindOf } from './judge.ts';
import { mutate } from './mutations.ts';
import type { Input, Target } from './target.ts';

export interface RunOptions {
  readonly seed: number;
  readonly targets: readonly Target[];
  /** When to stop: asked before each input, with how many there have been. */
  readonly isOver: (count: number) => boolean;
  /** Called before each input is run. */
  readonly onInput?: ((target: Target, input: Input) => void) | undefined;
  /** Called for the first finding of each kind. */
  readonly onFinding?: ((target: Target, input: Input, error: Error) => void) | undefined;
}

export interface RunResult {
  readonly inputs: number;
  /** By target. */
  readonly inputsOf: ReadonlyMap<string, number>;
  /** Findings, those of a kind that was known included. */
  readonly findings: number;
  readonly kinds: ReadonlyMap<string, number>;
  /** Those of them that went on and on. */
  readonly hangs: number;
  readonly peakBytes: number;
  readonly slowestMs: number;
}

/** Targets take turns. The n-th input of a target depends on the seed, its name and n, and on nothing else. */
export async function run({ seed, targets, isOver, onInput, onFinding }: RunOptions): Promise<RunResult> {
  const inputsOf = new Map(targets.map(({ name }) => [name, 0]));
  const kinds = new Map<string, number>();
  let inputs = 0;
  let findings = 0;
  let hangs = 0;
  let peakBytes = 0;
  let slowestMs = 0;
  const corpora = new Map(targets.map((target) => [target, target.corpus()]));
  while (!isOver(inputs)) {
    const target = targets[inputs % targets.length] as Target;
    const number = inputsOf.get(target.name) ?? 0;
    inputsOf.set(target.name, number + 1);
    const random = seededRandom(mix(seed, target.name, number));
    const bytes = mutate(corpora.get(target) ?? [], random);
    const input = { seed: Math.floor(random() * 2 ** 32), bytes };
    onInput?.(target, input);
    const start = performance.now();
    const error = await judge(target, input);
    slowestMs = Math.max(slowestMs, performance.now() - start);
    if (inputs % 64 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    inputs++;
    if (error === undefined) continue;
    findings++;
    if (/is not over after|it took/.test(error.message)) hangs++;
    const kind = kindOf(target, error);
    const count = kinds.get(kind) ?? 0;
    kinds.set(kind, count + 1);
    if (count === 0) onFinding?.(target, input, error);
  }
  return { inputs, inputsOf, findings, kinds, hangs, peakBytes, slowestMs };
}

function mix(seed: number, name: string, number: number): number {
  let mixed = seed >>> 0;
  for (const character of `${name}/${number}`) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x0100_0193) >>> 0;
  return mixed;
}
