/** Programs as openers of channels, and how they are started. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ByteChannel } from '@nbdjs/interfaces';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEndpoint, createCommandOpener, type Endpoint, runCommand } from '../src/index.ts';

const modes = ['socket-activation', 'socket-pair'] as const;
const signal = new AbortController().signal;
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'nbdjs-openers-')));
});

afterEach(() => rmSync(folder, { recursive: true }));

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** What a channel has delivered, as text, and the cause of its end. */
function watch(channel: ByteChannel) {
  const seen: { text: string; ended: boolean; cause: Error | undefined } = { text: '', ended: false, cause: undefined };
  const memory = Buffer.alloc(1000);
  channel.open({
    writable: () => memory,
    advance: (byteCount) => {
      seen.text += memory.toString('latin1', 0, byteCount);
    },
    drained() {},
    ended: (cause) => Object.assign(seen, { ended: true, cause }),
  });
  return seen;
}

/** The error of a program that ends: of the call that connects, or of the channel, whichever notices it first. */
async function failureOf(endpoint: Endpoint): Promise<Error | undefined> {
  try {
    const seen = watch(await connectEndpoint(endpoint));
    await expect.poll(() => seen.ended, { timeout: 10_000 }).toBe(true);
    return seen.cause;
  } catch (error) {
    return error as Error;
  }
}

const shell = (script: string): [string, ...string[]] => ['sh', '-c', script];

describe.each(modes)('a program (%s)', (mode) => {
  it('says its last words in the error', async () => {
    const script = 'echo first >&2; printf "no \\033[1msuch\\tdisk\\n\\nat all" >&2; exit 3';
    expect(await failureOf({ type: 'command', command: shell(script), mode })).toMatchObject({
      code: 'ERR_NBD_COMMAND',
      message: `[ sh -c ${script} ]: it ended with exit code 3: first; no such disk; at all`,
    });
  });

  it('says no more than the end of them', async () => {
    const script = 'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done >&2; exit 3';
    const error = await failureOf({ type: 'command', command: shell(script), mode });
    const [, words = ''] = error?.message.split('exit code 3: ') ?? [];
    expect(words).toMatch(/^\.\.\. .*line 4998; line 4999$/);
    expect(words.length).toBeLessThan(1100);
  });

  it('is not held up by a process that it leaves behind', async () => {
    const script = 'sleep 3 < /dev/null > /dev/null 3>&- & echo gone >&2; exit 3';
    const started = performance.now();
    const error = await failureOf({ type: 'command', command: shell(script), mode });
    expect(error?.message).toMatch(/exit code 3: gone$/);
    expect(performance.now() - started).toBeLessThan(2500);
  });

  it('starts in a folder, with variables of its own', async () => {
    const report = join(folder, 'report');
    const command = shell('echo "$PWD $NBDJS_OWN $(env | grep -c ^HOME=)" > "$NBDJS_REPORT"');
    const env = { NBDJS_OWN: 'yes', NBDJS_REPORT: report, HOME: undefined };
    const server = await runCommand({ command, mode, cwd: folder, env });
    await server.exited;
    expect(readFileSync(report, 'utf8')).toBe(`${folder} yes 0\n`);
  });

  it('is found from its folder', async () => {
    writeFileSync(join(folder, 'tool'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
    const server = await runCommand({ command: ['./tool'], mode, cwd: folder });
    expect(await server.exited).toEqual({ code: 7, signal: null });
    await expect(runCommand({ command: ['./tool'], mode })).rejects.toThrow('[ ./tool ]: there is no such program');
    await expect(runCommand({ command: ['true'], mode, cwd: join(folder, 'none') })).rejects.toThrow(
      `[ true ]: there is no folder ${folder}/none to start it in`,
    );
  });

  it('with a group of its own takes along what it has started', async () => {
    const report = join(folder, 'report');
    const command = shell(`(trap '' TERM; exec sleep 60) & echo $! > ${report}; wait`);
    const server = await runCommand({ command, mode, processGroup: true });
    await expect.poll(() => readFileSync(report, { encoding: 'utf8', flag: 'a+' })).not.toBe('');
    const grandchild = Number(readFileSync(report, 'utf8'));
    expect(isRunning(grandchild)).toBe(true);
    await server.dispose();
    await expect.poll(() => isRunning(grandchild)).toBe(false);
  });

  it('with a group of its own ends when a terminal ends this process', async () => {
    const report = join(folder, 'report');
    const index = pathToFileURL(join(import.meta.dirname, '../src/index.ts')).href;
    const script = `sleep 60 & echo "$$ $!" > ${report}; wait`;
    const program = `
      import { existsSync, readFileSync } from 'node:fs';
      import { runCommand } from ${JSON.stringify(index)};
      await runCommand({ command: ['sh', '-c', ${JSON.stringify(script)}], mode: '${mode}', processGroup: true });
      setInterval(() => existsSync('${report}') && process.kill(process.pid, 'SIGINT'), 20);`;
    const run = promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '-e', program], {
      timeout: 15_000,
    });
    await expect(run).rejects.toMatchObject({ signal: 'SIGINT' });
    const pids = readFileSync(report, 'utf8').split(' ').map(Number);
    expect(pids).toHaveLength(2);
    await expect.poll(() => pids.some(isRunning)).toBe(false);
  });

  it('is refused in a wrong form', async () => {
    const endpoint = (more: object): Endpoint => ({ type: 'command', command: ['true'], mode, ...more }) as Endpoint;
    await expect(connectEndpoint(endpoint({ stderr: 'ignore' }))).rejects.toThrow(
      "the endpoint: stderr is 'ignore', expected 'capture' or 'inherit'",
    );
    await expect(connectEndpoint(endpoint({ env: { A: 5 } }))).rejects.toThrow(
      'the endpoint: env is an object, expected',
    );
    await expect(connectEndpoint(endpoint({ processGroup: 1 }))).rejects.toThrow('processGroup is 1, expected true or');
  });
});

describe('an opener of a program', () => {
  it('starts it with the first channel, and ends it with the last', async () => {
    // The program's end can be seen by its process id, which each channel is told.
    const perl = `
      open(my $listener, "+<&=3") or die;
      while (1) {
        vec(my $ready = "", 3, 1) = 1;
        select($ready, undef, undef, undef);
        accept(my $client, $listener) or next;
        push @clients, $client;
        syswrite($client, "$$ ");
      }`;
    const opener = createCommandOpener({ command: ['perl', '-e', perl], mode: 'socket-activation' });
    expect(opener.name).toMatch(/^\[ perl /);
    const first = await opener.open({ signal });
    const second = await opener.open({ signal });
    const [one, other] = [watch(first), watch(second)];
    await expect.poll(() => one.text !== '' && other.text !== '').toBe(true);
    expect(other.text).toBe(one.text);
    const pid = Number(one.text);
    first.destroy();
    await first.closed;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isRunning(pid)).toBe(true);
    second.destroy();
    await expect.poll(() => isRunning(pid)).toBe(false);
    const third = await opener.open({ signal });
    const next = watch(third);
    await expect.poll(() => next.text).not.toBe('');
    expect(Number(next.text)).not.toBe(pid);
    third.destroy();
    await expect.poll(() => isRunning(Number(next.text))).toBe(false);
  });

  it('starts it again at once when it has been killed', async () => {
    const opener = createCommandOpener({ command: shell('echo $$; exec cat'), mode: 'socket-pair' });
    const first = await opener.open({ signal });
    const one = watch(first);
    await expect.poll(() => one.text).not.toBe('');
    process.kill(Number(one.text), 'SIGKILL');
    const second = await opener.open({ signal });
    const other = watch(second);
    await expect.poll(() => other.text).not.toBe('');
    expect(other.text).not.toBe(one.text);
    // It had served, and has failed in the middle.
    await expect.poll(() => one.ended).toBe(true);
    expect(one.cause).toMatchObject({ code: 'ERR_NBD_COMMAND', message: expect.stringMatching(/ended by SIGKILL$/) });
    second.destroy();
    await expect.poll(() => isRunning(Number(other.text))).toBe(false);
  });

  it('has one channel at a time on a socket pair', async () => {
    const opener = createCommandOpener({ command: ['cat'], mode: 'socket-pair' });
    const channel = await opener.open({ signal });
    await expect(async () => await opener.open({ signal })).rejects.toThrow('it has one connection only');
    channel.destroy();
    const next = await opener.open({ signal });
    next.destroy();
    await next.closed;
  });

  it('starts nothing when the signal is aborted already', async () => {
    const opener = createCommandOpener({ command: shell(`touch ${folder}/started`), mode: 'socket-pair' });
    const reason = new Error('never mind');
    await expect(async () => await opener.open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
