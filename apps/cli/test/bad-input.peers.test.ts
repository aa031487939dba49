/** What users see of errors: one line that names the object, exit code 1, and no endless wait. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describePeers, makeRawImage, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nbd, nbdWith, type Outcome, spawnNbd } from './harness.ts';

/** One line, and the suggestion that may follow; no stack. */
function expectFailure({ code, stdout, stderr }: Outcome, pattern: RegExp): void {
  expect(stderr).toMatch(pattern);
  expect(stderr).toMatch(/^nbd: [^\n]+\n(nbd: suggestion: [^\n]+\n)?$/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
}

describe('wrong words', () => {
  it.each<[RegExp, ...string[]]>([
    [/no-such-host\.invalid/, 'info', 'nbd://no-such-host.invalid'],
    [/127\.0\.0\.1:1: connection refused/, 'info', 'nbd://127.0.0.1:1'],
    [/\/none\/x: there is no such socket/, 'info', 'nbd+unix:///?socket=/none/x'],
    [/bad-input\.peers\.test\.ts: it is not a socket/, 'dump', `nbd+unix:///?socket=${fileURLToPath(import.meta.url)}`],
    [/socket=PATH/, 'info', 'nbd+unix:///x'],
    [/99999 is not a port/, 'info', 'nbd://h:99999'],
    [/'ftp:\/\/x' is not an NBD URI/, 'info', 'ftp://x'],
    [/'%' that is not followed/, 'dump', 'nbd://h/%zz'],
    [/there is no such program/, 'copy', '[', 'no-such-program', ']', 'null:'],
    [/there is no command between/, 'copy', '[', ']', 'null:'],
    [/no closing ']'/, 'copy', '[', 'nbdkit', 'null:'],
    [/\[ false \]/, 'info', '[', 'false', ']'],
    [/^nbd: \/none\/file: no such file or directory$/m, 'copy', '/none/file', 'null:'],
    [/^nbd: \/none\/file: no such file or directory$/m, 'copy', '/etc/passwd', '/none/file'],
    [/\/tmp is neither/, 'copy', '/tmp', 'null:'],
    [/'null:' can only be the destination/, 'copy', 'null:', 'x'],
    [/--requests: '0'/, 'copy', '-R', '0', 'a', 'b'],
    [/--request-size: 5000 is not a power of two/, 'copy', '--request-size=5000', 'a', 'b'],
    [/--offset: '1x'/, 'dump', '-o', '1x', 'nbd://h'],
    [/--progress: 'fast'/, 'copy', '--progress=fast', '/etc/passwd', 'null:'],
    [/--progress: descriptor 999 /, 'copy', '--progress=999', '/etc/passwd', 'null:'],
    [/--map and --size cannot be used together/, 'info', '--map', '--size', 'nbd://h'],
    [/--totals needs --map/, 'info', '--totals', 'nbd://h'],
    [/unknown .* option: nothing/, 'info', '--can', 'nothing', 'nbd://127.0.0.1:1'],
    [/only one feature/, 'info', '--can', 'a', '--is', 'b', 'nbd://h'],
    [/no completion for 'tcsh'/, 'completion', 'tcsh'],
    [/--tls-certificates and --tls-psk exclude/, 'info', '--tls-certificates', 'a', '--tls-psk', 'b', 'nbds://h'],
    [/nbds:\/\/h demands TLS, but --tls is off/, 'dump', '--tls=off', 'nbds://h'],
    [/options about TLS need a server/, 'copy', '--tls=require', '/etc/passwd', 'null:'],
    [/--tls require needs --tls-certificates or --tls-psk/, 'serve', '--tls', 'require', 'memory:1M'],
    [/--tls-authz needs --tls-certificates or --tls-psk/, 'serve', 'memory:1M', '--tls-authz', 'CN=alice'],
    [/--tls-verify-peer needs --tls-certificates/, 'serve', '--tls-verify-peer', 'memory:1M'],
    [/--tls-verify-peer is about certificates/, 'serve', '--tls-psk', 'a', '--tls-verify-peer', 'memory:1M'],
    [
      /--tls-authz and --no-tls-verify-peer exclude/,
      ...['serve', '--tls-certificates', 'a', '--no-tls-verify-peer', 'memory:1M', '--tls-authz', '*'],
    ],
    [/\/none: there is no such folder of certificates/, 'info', '--tls-certificates', '/none', 'nbds://127.0.0.1:1'],
    [/\/none: there is no such folder of certificates/, 'serve', '--tls-certificates', '/none', 'memory:1M'],
    [/\/none: there is no such file of shared keys/, 'copy', '--tls-psk', '/none', 'nbds://127.0.0.1:1', 'null:'],
    [/\/none: there is no such file of shared keys/, 'serve', '--tls-psk', '/none', 'memory:1M'],
    [/cannot be checked against a host name/, 'info', 'nbds+unix:///?socket=/none/x'],
    [/tls-priority is not supported/, 'info', 'nbds://h/?tls-priority=NORMAL'],
  ])('%s', async (pattern, ...argv) => {
    expectFailure(await nbd(...argv), pattern);
  });

  it.each<[string, ...string[]]>([
    ["missing required argument 'source'", 'info'],
    ["unknown option '--bogus'", 'info', '--bogus', 'x'],
    ["missing required argument 'destination'", 'copy', 'a'],
    [
      "option '--tls <when>' argument 'often' is invalid. Allowed choices are off, allow, require.",
      ...['info', '--tls', 'often', 'nbd://h'],
    ],
    ["too many arguments for 'info'. Expected 1 argument but got 2.", 'info', 'a', 'b'],
  ])('%s', async (message, ...argv) => {
    expect(await nbd(...argv)).toEqual({
      code: 1,
      stdout: '',
      stderr: `nbd: ${message}\n(nbd ${argv[0]} --help lists what is possible)\n`,
    });
  });

  it.each([
    ['--svg', ['map', '--svg=', 'memory:1M']],
    ['--tls-psk', ['info', '--tls-psk', '', 'nbds://localhost']],
    ['--partition', ['hash', '--partition', '', 'memory:1M']],
    ['--pid-file', ['serve', '--pid-file', '', 'memory:1M']],
    ['file', ['trace', '']],
    ['path', ['mount', 'memory:1M', '']],
    ['folder', ['certs', '']],
  ])('%s without a name', async (what, argv) => {
    expect(await nbd(...argv)).toEqual({ code: 1, stdout: '', stderr: `nbd: ${what}: the name is empty\n` });
  });

  it('a load of no time at all', async () => {
    expectFailure(await nbd('bench', '--time', '0', 'nbd://localhost'), /^nbd: --time: '0' is less than 1ms$/m);
  });

  it.each([
    ["unknown command 'nonsense'\n(nbd --help lists what is possible)", ['nonsense']],
    [
      "missing required argument 'size'\n(nbd objects create --help lists what is possible)",
      ['objects', 'create', 'folder:d#x'],
    ],
    ["unknown option '--bogus'\n(nbd objects --help lists what is possible)", ['objects', '--bogus']],
  ])('%s', async (message, argv) => {
    expect(await nbd(...argv)).toEqual({ code: 1, stdout: '', stderr: `nbd: ${message}\n` });
  });
});

describe('servers that are none', () => {
  let server: Server;
  let onConnection: (socket: Socket) => void;
  let uri: string;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    uri = `nbd://127.0.0.1:${address.port}`;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
    ['TLS', Buffer.from('160303004a020000460303', 'hex')],
    ['random bytes', Buffer.from('a7f1c30099e2d45b8810ffee0102030405060708', 'hex')],
    ['half a greeting', Buffer.from('NBDMAGICIHAV')],
    ['nothing', Buffer.alloc(0)],
    ['control characters', Buffer.from('\x1b[2J\x1b[H\x07evil\r\n')],
  ])('%s', async (_, bytes) => {
    onConnection = (socket) => void socket.end(bytes);
    for (const argv of [
      ['info', uri],
      ['info', '--json', uri],
      ['copy', uri, 'null:'],
      ['dump', uri],
    ]) {
      expectFailure(await nbd(...argv), new RegExp(uri.slice('nbd://'.length)));
    }
  });

  it('C18: --verbose names the section and the rule of the protocol that was broken', async () => {
    onConnection = (socket) => {
      socket.write(Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), Buffer.from('0003', 'hex')]));
      socket.on('data', () => socket.write(Buffer.alloc(20)));
    };
    const words = 'breaks the NBD protocol, section "Fixed newstyle negotiation" (rule C18)';
    const { code, stderr } = await nbd('info', '--verbose', uri);
    expect({ code, lines: stderr.split('\n') }).toEqual({
      code: 1,
      lines: expect.arrayContaining([`nbd:   ${words}`]),
    });
    expect((await nbd('info', uri)).stderr).not.toContain('rule');
  });

  it('silence can be interrupted', async () => {
    const abort = new AbortController();
    onConnection = () => setTimeout(() => abort.abort(new Error('enough')), 50);
    const { code, stdout } = await nbdWith({ signal: abort.signal }, 'info', uri);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

describePeers('servers that fail', ['nbdkit', 'qemu-nbd'], (generation) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('an unknown export', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 65536, []);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', exportName: 'one' });
    for (const argv of [['info'], ['info', '--json'], ['info', '--size'], ['info', '--map'], ['dump']]) {
      const outcome = await nbd(...argv, server.uri('zzz'));
      expectFailure(outcome, /'zzz'|"zzz"/);
      expect(outcome.stderr).toMatch(/suggestion: to list all exports on the server, use nbd info --list/);
    }
  });

  it('an export that is read-only', async () => {
    await using server = await startNbdkit(workspace, ['-r', 'memory', '1M']);
    expectFailure(await nbd('copy', '/etc/passwd', server.uri()), /read-only/);
  });

  it('a server that dies at any byte of what it says', async () => {
    await using server = await startNbdkit(workspace, ['pattern', '3000']);
    let limit = 0;
    let isCut = false;
    const ends = new Set<Socket>();
    const relay = createServer((socket) => {
      let left = limit;
      const peer = connect(server.socketPath);
      peer.on('data', (bytes: Buffer) => {
        socket.write(bytes.subarray(0, left));
        left -= bytes.length;
        if (left > 0) return;
        isCut = true;
        socket.end();
        peer.destroy();
      });
      socket.pipe(peer);
      for (const one of [socket, peer]) ends.add(one.on('error', () => {}));
      socket.on('close', () => peer.destroy());
      peer.on('close', () => socket.end());
    });
    const path = workspace.socketPath('relay');
    await new Promise<void>((resolve) => relay.listen(path, resolve));
    let failures = 0;
    for (; limit < 10_000; limit += limit < 400 ? 1 : 61) {
      isCut = false;
      const outcome = await nbd('copy', '-C1', `nbd+unix:///?socket=${path}`, 'null:');
      if (!isCut && outcome.code === 0) break;
      // What is cut off after the copy's last byte does not matter to it.
      if (outcome.code !== 0) {
        expectFailure(outcome, /relay|of 3000 bytes at 0: the connection was lost/);
        failures++;
      }
    }
    for (const one of ends) one.destroy();
    await new Promise((resolve) => relay.close(resolve));
    expect(limit).toBeLessThan(10_000);
    expect(failures).toBeGreaterThan(400);
  });

  it('an export that dies during the copy', async () => {
    await using server = await startNbdkit(workspace, ['--filter=delay', 'pattern', '64M', 'rdelay=50ms']);
    const copy = spawnNbd(['copy', '--synchronous', server.uri(), 'null:'], { timeoutMs: 15_000 });
    setTimeout(() => server.kill('SIGKILL'), 1500);
    const { code, stdout, stderr, isTimedOut } = await copy;
    expect(isTimedOut).toBe(false);
    expectFailure({ code: code ?? -1, stdout: stdout.toString(), stderr }, /^nbd: /);
  });
});
