/**
 * `pnpm fuzz [--minutes N] [--inputs N] [--only TARGET] [--seed S] [--replay FILE]`: runs mutated sessions against all targets,
 * or one. `--only` may be given more than once; `--replay` runs one saved input of the target.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decodeInput, encodeInput } from './input-file.ts';
import { judge, watchStrayErrors } from './judge.ts';
import { type RunResult, run } from './runner.ts';
import { targets as allTargets } from './targets/index.ts';
import { Watchdog } from './watchdog.ts';

const folder = fileURLToPath(new URL('../findings/', import.meta.url));
const reportEveryMs = 60_000;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    minutes: { type: 'string' },
    inputs: { type: 'string' },
    only: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    seed: { type: 'string' },
    replay: { type: 'string' },
  },
});

const names = [...(values.only ?? []), ...(values.target ?? [])];
const unknown = names.find((name) => !allTargets.some((target) => target.name === name));
const targets = names.length === 0 ? allTargets : allTargets.filter(({ name }) => names.includes(name));
watchStrayErrors();

if (unknown !== undefined) {
  console.error(`there is no target '${unknown}'; there are: ${allTargets.map(({ name }) => name).join(' ')}`);
  process.exitCode = 1;
} else if (values.replay !== undefined) {
  const [target] = targets;
  const error = target && (await judge(target, decodeInput(readFileSync(values.replay))));
  console.log(error === undefined ? `${target?.name}: all is well` : error.stack);
  process.exitCode = error === undefined ? 0 : 1;
} else {
  process.exitCode = await fuzz();
}
for (const { close } of targets) await close?.();

async function fuzz(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
  const inputsMax = values.inputs === undefined ? Number.POSITIVE_INFINITY : Number(values.inputs);
  const minutes = Number(values.minutes ?? (values.inputs === undefined ? 1 : Number.POSITIVE_INFINITY));
  console.log(`seed ${seed}; targets: ${targets.map(({ name }) => name).join(' ')}`);
  const watchdog = new Watchdog(targets, folder);
  const start = performance.now();
  let lastReportMs = start;
  const isOver = (count: number): boolean => {
    const now = performance.now();
    if (now - lastReportMs >= reportEveryMs) {
      lastReportMs = now;
      const rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
      console.log(`${Math.round((now - start) / 1000)} s: ${count} inputs, ${rss} MiB`);
    }
    return count >= inputsMax || now - start >= 60_000 * minutes;
  };
  const result = await run({
    seed,
    targets,
    isOver,
    onInput: (target, input) => watchdog.note(target, input),
    onFinding: (target, input, error) => {
      mkdirSync(folder, { recursive: true });
      const file = `${folder}${target.name}-${seed}-${input.seed}.input`;
      writeFileSync(file, encodeInput(input));
      console.log(
        `finding: ${target.name}: ${error.stack}\n  replay: pnpm fuzz --only ${target.name} --replay ${file}`,
      );
    },
  });
  await watchdog.stop();
  report(result, (performance.now() - start) / 1000);
  return result.findings === 0 ? 0 : 1;
}

function report(result: RunResult, seconds: number): void {
  for (const [name, count] of result.inputsOf) console.log(`  ${name}: ${count} inputs`);
  for (const [kind, count] of result.kinds) console.log(`  ${count} times: ${kind}`);
  console.log(
    [
      `${result.inputs} inputs in ${seconds.toFixed(0)} s (${(result.inputs / seconds).toFixed(0)} a second)`,
      `${result.findings - result.hangs} crashes, ${result.hangs} hangs`,
      `slowest input ${result.slowestMs.toFixed(0)} ms, peak memory ${(result.peakBytes / 2 ** 20).toFixed(0)} MiB`,
    ].join('; '),
  );
}
