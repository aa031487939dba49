/**
 * How `nbd serve` starts: names, descriptors, process id files, and options that exclude each other.
 *
 * @module-tag slow
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { nbd, nbdCommand, spawnNbd } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';

const greeting = Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1');
const [program, ...stdioWords] = nbdCommand('serve', '--stdio', 'memory:1M');

describe('nbd serve --stdio', () => {
  it('A4, D2: answers on descriptor 1 when 0 and 1 are two sockets, as Node makes them, and says that no handshake came', async () => {
    const child = spawn(program, stdioWords, { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    expect(first).toEqual(greeting);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(said).toMatch(/^nbd: client .*: the client closed the connection instead of answering the greeting\n$/);
  });

  it.each([
    ['a pipe', 'a pipe', '<&0 | cat'],
    ['a socket', 'a pipe', '| cat'],
    ['a file', 'a file', '< "$request" > "$reply"; cat "$reply"'],
  ])('A4: reads from %s and writes to %s', async (_input, _output, plumbing) => {
    inFolder();
    const input = plumbing.startsWith('<&0') ? 'head -c 16 "$request" |' : '';
    const words = [program, ...stdioWords].map((word) => `'${word}'`).join(' ');
    const child = spawn('sh', ['-c', `${input} ${words} ${plumbing}`], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, request: workspace.hostPath('request'), reply: workspace.hostPath('reply') },
    });
    // Flags, and the option ABORT: a client that leaves in good order.
    child.stdin.end(readFileSync(workspace.hostPath('request')));
    const [bytes] = (await once(child.stdout, 'data')) as [Buffer];
    expect(bytes.subarray(0, 18)).toEqual(greeting);
    await once(child, 'exit');
  });

  it.each([
    ['two sockets', ''],
    ['a pipe and a socket', 'cat |'],
  ])('A4: ends when the client says good-bye, who waits for that with both ends open: %s', async (_name, before) => {
    inFolder();
    const words = [program, ...stdioWords].map((word) => `'${word}'`).join(' ');
    const child = spawn('sh', ['-c', `${before} { ${words}; printf gone >&2; }`], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdin.write(readFileSync(workspace.hostPath('request')));
    await expect.poll(() => said, { timeout: 20_000 }).toBe('gone');
    child.stdin.end();
  });

  const inFolder = (): void => {
    const request = Buffer.alloc(20);
    request.writeUInt32BE(3, 0);
    request.write('IHAVEOPT', 4, 'latin1');
    request.writeUInt32BE(2, 12);
    writeFileSync(workspace.hostPath('request'), request);
  };
  inWorkspace('bookworm');

  it('A4: refuses descriptors that cannot be a connection, with a reason', async () => {
    const words = [program, ...stdioWords].map((word) => `'${word}'`).join(' ');
    const child = spawn('sh', ['-c', `${words} < /`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(said).toMatch(/^nbd: --stdio: standard input is a directory, expected a pipe or a socket/);
  });

  it('D1: writes the process id with --stdio, too, and takes it away', async () => {
    const file = workspace.hostPath('pid');
    const [, ...words] = nbdCommand('serve', '--stdio', '--pid-file', file, 'memory:1M');
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    expect(readFileSync(file, 'utf8')).toBe(`${child.pid}\n`);
    child.stdin.end();
    await once(child, 'exit');
    expect(existsSync(file)).toBe(false);
  });
});

describe('nbd serve', () => {
  inWorkspace('bookworm');

  it('F29, D1: a server that fails to start leaves alone what another has written', async () => {
    const file = workspace.hostPath('pid');
    await serve('memory:1M', '--pid-file', file);
    await expect.poll(() => existsSync(file)).toBe(true);
    const words = ['--pid-file', file, '--socket', workspace.socketPath('other')];
    expect((await spawnNbd(['serve', ...words, '/nowhere/disk.img'])).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
    // Another server has taken the file over: it is the other's to remove.
    writeFileSync(file, '1\n');
    await endLast();
    expect(readFileSync(file, 'utf8')).toBe('1\n');
  });

  it('F29: says why the process id cannot be written', async () => {
    const folder = workspace.hostPath('folder');
    mkdirSync(folder);
    const { code, stderr } = await nbd('serve', '-k', workspace.socketPath('s'), '--pid-file', folder, 'memory:1M');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `nbd: cannot write the process id to ${folder}: illegal operation on a directory\n`,
    });
    expect(existsSync(folder)).toBe(true);
  });

  it('D4: SIGUSR1 opens no debugger', async () => {
    const socket = workspace.socketPath('s');
    const [, ...words] = nbdCommand('serve', '--socket', socket, 'memory:1M');
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => said).toContain('nbd: serving');
    child.kill('SIGUSR1');
    const client = connect(socket);
    await once(client, 'data');
    client.destroy();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(said).not.toMatch(/debugger/i);
  });

  it.each([
    [[], 0],
    [['--no-hangup'], 'SIGTERM'],
  ])('F28: under nohup, with %j, ends by %s', async (words, end) => {
    const socket = workspace.socketPath('s');
    const argv = nbdCommand('serve', '--socket', socket, ...words, 'memory:1M');
    const child = spawn('nohup', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    await once(child.stderr, 'data');
    await expect.poll(() => existsSync(socket)).toBe(true);
    const exited = once(child, 'exit');
    child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (end === 'SIGTERM') {
      // It lives, and serves.
      const client = connect(socket);
      await once(client, 'data');
      client.destroy();
    } else {
      expect(existsSync(socket)).toBe(false);
    }
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('D8.7: --quiet does not say where clients may come to', async () => {
    await serve('memory:1M');
    expect((await endLast())?.stderr).toMatch(/^nbd: serving /);
    await serve('memory:1M', '--quiet');
    expect((await endLast())?.stderr).toBe('');
  });

  it('--fork returns when the server listens, and leaves it running, with nothing open that others wait for', async () => {
    const [pidFile, socket] = [workspace.hostPath('nbd.pid'), workspace.socketPath('s')];
    const place = ['--socket', socket, '--pid-file', pidFile, '--print-uri'];
    const { code, stdout, stderr } = await spawnNbd(['serve', '--fork', ...place, 'memory:1M']);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    try {
      expect({ code, uri: stdout.toString(), stderr }).toEqual({
        code: 0,
        uri: `nbd+unix:///?socket=${socket}\n`,
        stderr: '',
      });
      const client = connect(socket);
      expect((await once(client, 'data'))[0]).toEqual(greeting);
      client.destroy();
      // Its place is taken, and the one that could not serve says so.
      const second = await spawnNbd(['serve', '--fork', '--socket', socket, 'memory:1M']);
      expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/address already in use|in use/i) });
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await expect.poll(() => existsSync(pidFile), { timeout: 4000 }).toBe(false);
    expect(existsSync(socket)).toBe(false);
  });

  it.each([
    [['--stdio'], '--fork and --stdio exclude each other'],
    [['--connect-to', 'ws://localhost'], '--fork and --connect-to exclude each other'],
  ])('--fork %j is refused', async (words, message) => {
    expect(await nbd('serve', '--fork', ...words, 'memory:1M')).toMatchObject({ code: 1, stderr: `nbd: ${message}\n` });
  });

  it('F32: clients wait when descriptors run out, and it is said', { timeout: 60_000 }, async () => {
    const socket = workspace.socketPath('s');
    // Not fewer: to load the sources, Node opens many files at a time.
    const words = nbdCommand('serve', '--socket', socket, 'memory:1M').map((word) => `'${word}'`);
    const child = spawn('sh', ['-c', `ulimit -n 256; exec ${words.join(' ')}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => said, { timeout: 20_000 }).toContain('nbd: serving');
    expect(said).toMatch(
      /^nbd: warning: ulimit -n is 256, which leaves room for \d+ clients at a time, and --shared is 1024/,
    );
    const greetings = Array.from({ length: 400 }, async () => {
      const client = connect(socket);
      await once(client, 'data');
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.destroy();
    });
    await Promise.all(greetings);
    expect(said).toContain('nbd: as many clients are connected as ulimit -n (256) has room for: further clients wait');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('finds the end of a name that contains = by the source behind it', async () => {
    const file = workspace.hostPath('d.img');
    writeFileSync(file, new Uint8Array(512));
    const uri = await serve(`a=b=${file}`, 'c=d=memory:1M', 'e=memory:2M');
    expect((await nbd('info', '--size', uri('a=b'))).stdout).toBe('512\n');
    expect((await nbd('info', '--size', uri('c=d'))).stdout).toBe('1048576\n');
    expect((await nbd('info', '--size', uri('e'))).stdout).toBe('2097152\n');
  });

  it.each([
    [['--socket', ''], /^nbd: --socket: the name is empty\n/],
    [['-x', 'foo', 'a=memory:1M', 'b=memory:1M'], /^nbd: --export-name is for an only export, and there are 3/],
    [['-x', 'foo'], /^nbd: the export has two names, 'foo' by --export-name and 'name' by name=memory:1M/],
    [['-s', '--backlog', '5'], /^nbd: --stdio and --backlog exclude each other/],
    [['--limit', 'nothing=5'], /^nbd: --limit: 'nothing' is not a limit of a server, expected one of .*idleMs/],
    [['--limit', 'idleMs'], /^nbd: --limit: 'idleMs' is not NAME=NUMBER/],
    [['--backlog', '0'], /^nbd: --backlog: '0' is not a number between 1 and 65535/],
  ])('%j is an error of one line', async (argv, message) => {
    const { code, stdout, stderr } = await nbd('serve', ...argv, 'name=memory:1M');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('advises to serve read-only what must not be written', async () => {
    // No user may write there, not even root.
    const { code, stderr } = await nbd('serve', '-k', workspace.socketPath('s'), '/sys/kernel/notes');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^nbd: \/sys\/kernel\/notes cannot be opened for writing: .*\nnbd: suggestion: .*--read-only\n$/,
    );
  });

  it.each([
    [
      ['--allow', '127.0.0.1'],
      'no client can come: --allow names only addresses, and clients of a Unix socket have none',
    ],
    [
      ['--deny', '127.0.0.1'],
      '--deny keeps no client out: it names only addresses, and clients of a Unix socket have none',
    ],
  ])('F30: warns of the vain rule %j', async (rule, text) => {
    await serve('memory:1M', ...rule);
    expect((await endLast())?.stderr).toContain(`nbd: warning: ${text}\n`);
  });
});
