/** What the scenarios inside the machine are made of: programs with limits, results as lines, the kernel's log. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../../apps/cli/dist/main.cjs', import.meta.url));

/** No program takes longer, in milliseconds; the processor of the machine is a slow one. */
const programMs = 120_000;

let failures = 0;
/** Programs that run. */
const children = new Set();

/** Runs one scenario, and prints its result as a line that begins with `@`. */
export async function scenario(name, run) {
  if (!name.includes(process.env.ONLY ?? '')) return;
  const startMs = performance.now();
  const result = (outcome, text) =>
    console.log(
      `@ ${outcome} ${name} (${((performance.now() - startMs) / 1000).toFixed(1)} s)${text ? `: ${text}` : ''}`,
    );
  try {
    result('ok  ', await run());
  } catch (error) {
    failures++;
    await cleanUp();
    result('FAIL', String(error?.stack ?? error).replaceAll('\n', ' | '));
  }
}

/** What a scenario that has failed leaves would disturb the next one. */
async function cleanUp() {
  spawnSync('umount', ['--all', '--types', 'ext4']);
  nbd('detach', '--all', '--force');
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  newKernelLines();
}

/** Returns how many scenarios have failed. */
export function failureCount() {
  return failures;
}

/** Runs a program to its end, and returns its exit code and its output. */
export function run(program, args, { limitMs = programMs, input } = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: limitMs,
    killSignal: 'SIGKILL',
    input,
  });
  if (error) throw new Error(`${program} ${args.join(' ')}: ${error.message}`);
  console.log(`# ${program} ${args.join(' ')} -> ${status ?? signal}\n${stdout}${stderr}`);
  return { code: status ?? signal, stdout, stderr };
}

/** Runs a program that has to succeed, and returns its output. */
export function succeed(program, args, options) {
  const { code, stdout, stderr } = run(program, args, options);
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} has ended with ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout.trim();
}

/** The same for a command of nbd. */
export const nbd = (...args) => run(process.execPath, [cli, ...args]);

/** Starts a command of nbd that stays. Its output is kept, and printed line by line. */
function start(...args) {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  keep(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      for (const line of text.trimEnd().split('\n')) console.log(`  ${child.pid} ${args[0]}: ${line}`);
    });
  }
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  return {
    pid: child.pid,
    get output() {
      return output;
    },
    ended,
    kill: (signal) => child.kill(signal),
    /** Sends a signal, and returns the exit code. */
    async stop(signal = 'SIGTERM', limitMs = 30_000) {
      child.kill(signal);
      return await within(limitMs, ended, `${args[0]} after ${signal}`);
    },
    /** Waits for a text in the output. */
    async says(text, limitMs = 60_000) {
      await until(
        () => output.includes(text),
        `${args.join(' ')} to say '${text}'; it says '${output.trim()}'`,
        limitMs,
      );
    },
  };
}

/** Starts something else that stays, without looking at what it prints. */
export function launch(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  keep(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return { ended: once(child, 'exit').then(([code, signal]) => ({ code: code ?? signal, output })) };
}

function keep(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
}

export async function until(condition, what, limitMs = 30_000) {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await wait(20);
  }
}

export async function within(limitMs, work, what) {
  const late = wait(limitMs, undefined, { ref: false }).then(() => {
    throw new Error(`${what} takes more than ${limitMs} ms`);
  });
  return await Promise.race([work, late]);
}

/** A server of a file on a Unix socket. */
export async function serve(socket, file, ...more) {
  const server = start('serve', '--quiet', '--socket', socket, ...more, file);
  await until(() => existsSync(socket), 'the server');
  return server;
}

/** Returns the URI of such a server. */
export function uriOf(socket) {
  return `nbd+unix:///?socket=${socket}`;
}

/** Attaches, and returns the running command and the device. */
export async function attach(...args) {
  const program = start('attach', ...args);
  await within(
    60_000,
    Promise.race([
      program.says('/dev/nbd'),
      program.ended.then((code) => fail(`attach has ended with ${code}: ${program.output}`)),
    ]),
    'attach',
  );
  const [device] = /\/dev\/nbd\d+/.exec(program.output);
  return Object.assign(program, { device });
}

function fail(message) {
  throw new Error(message);
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

let seenLines = 0;

/** Returns the lines that the kernel has logged since the last call. */
export function newKernelLines() {
  const lines = spawnSync('dmesg', [], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '');
  const fresh = lines.slice(seenLines);
  seenLines = lines.length;
  return fresh;
}

/** Fails when the kernel has logged an error of a device or of a file system since the last call of \`newKernelLines\`. */
export function expectNoErrors() {
  const bad = newKernelLines().filter((line) =>
    /I\/O error|Buffer I\/O|EXT4-fs error|timed out|BUG|Oops|hung task/i.test(line),
  );
  expect(bad.length === 0, `the kernel says: ${bad.join(' | ')}`);
}
