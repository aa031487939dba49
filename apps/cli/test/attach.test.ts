/** `nbd attach`, `nbd detach` and `nbd list`, with a scripted kernel in place of this system's. */
import { mkdirSync } from 'node:fs';
import { connect } from '@nbdjs/client';
import { UsageError } from '@nbdjs/interfaces';
import { Command, type KernelSurroundings, ScriptedKernel, surroundingsOf } from '@nbdjs/testkit/kernel';
import { describe, expect, it, vi } from 'vitest';
// Commands load these when they run; here they are loaded before the time of the first test counts.
import '../src/commands/attach/run.ts';
import '../src/commands/list/run.ts';
import '../src/commands/serve/run.ts';
import { failure, nbd, nbdWith, succeed } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';

const EPERM = 1;

/** What stands for the system: its driver, and whether a file system on a device is mounted. */
const system = vi.hoisted(() => ({ surroundings: undefined as KernelSurroundings | undefined, isMounted: false }));

vi.mock('../../../packages/attach/src/open-kernel.ts', async (original) => ({
  ...(await original<object>()),
  systemSurroundings: () => system.surroundings,
}));

vi.mock('../../../packages/attach/src/device-use.ts', () => ({
  quiesce: async (path: string) => {
    if (system.isMounted) throw new UsageError('ERR_NBD_STATE', `${path} is in use: a file system on it is mounted`);
    return { close: async () => {} };
  },
}));

/** Gives the commands a kernel with four devices, none of them attached. */
function bootKernel(): ScriptedKernel {
  const folder = workspace.hostPath('block');
  const kernel = new ScriptedKernel(folder);
  system.surroundings = surroundingsOf(kernel, folder);
  system.isMounted = false;
  return kernel;
}

/** Gives them a kernel without the module. */
function bootKernelWithoutModule(): void {
  const kernel = bootKernel();
  kernel.hasNbd = false;
  const folder = workspace.hostPath('bare');
  mkdirSync(folder);
  system.surroundings = surroundingsOf(kernel, folder);
}

/** Attaches until the command is stopped, or ends by itself. Settles when the device is there. */
async function attaching(...argv: readonly string[]) {
  const abort = new AbortController();
  let printed = '';
  let notes = '';
  const hear = (text: string): void => {
    printed += text;
  };
  const hearErrors = (text: string): void => {
    notes += text;
  };
  const ended = nbdWith({ signal: abort.signal, hear, hearErrors }, 'attach', ...argv);
  await expect.poll(() => printed).toMatch(/\n$/);
  const stop = () => {
    abort.abort(new Error('the test is over'));
    return ended;
  };
  return { stop, ended, printed: () => printed, notes: () => notes };
}

describe.runIf(process.platform === 'linux')('devices of the kernel', () => {
  inWorkspace('bookworm');

  it('are attached until a signal comes, and listed meanwhile', async () => {
    const kernel = bootKernel();
    const uri = (await serve('memory:1M'))();
    expect(await succeed('list')).toBe('');
    const first = await attaching(uri);
    expect(first.printed()).toBe('/dev/nbd0\n');
    expect(first.notes()).toMatch(/^nbd: \/dev\/nbd0 is .*, 1\.00 MiB\n$/);
    const second = await attaching('--json', '--read-only', '-C', '2', '-b', '4k', uri, '/dev/nbd2');
    expect(JSON.parse(second.printed())).toEqual({
      device: '/dev/nbd2',
      server: uri,
      size: 2 ** 20,
      blockSize: 4096,
      readOnly: true,
      connections: 2,
      via: 'netlink',
      pid: process.pid,
    });
    const queue = kernel.devices.get(0)?.queues[0];
    const written = Buffer.alloc(512, 'kernel');
    expect(await queue?.request(Command.Write, 4096n, 512, written)).toMatchObject({ error: 0 });
    const other = await connect(uri, { delivery: 'inline' });
    expect(await other.readBytes(4096, 512)).toEqual(new Uint8Array(written));
    await other.close();

    const { pid } = process;
    const listed = { size: 2 ** 20, readOnly: false, pid, server: 'scripted' };
    expect(JSON.parse(await succeed('list', '--json'))).toEqual({
      devices: [
        { ...listed, device: '/dev/nbd0' },
        { ...listed, device: '/dev/nbd2' },
      ],
    });
    expect(await succeed('list')).toMatch(new RegExp(`^device .*\\n/dev/nbd0 .*rw .*${pid} .*\\n/dev/nbd2 .*\\n$`));

    expect(await succeed('list', '/dev/nbd2')).not.toContain('/dev/nbd0');
    expect(await nbd('list', '/dev/nbd3')).toEqual({ code: 1, stdout: '', stderr: '' });

    expect(await first.stop()).toMatchObject({ code: 0 });
    expect([...kernel.devices.keys()]).toEqual([2]);
    expect(await second.stop()).toMatchObject({ code: 0, stderr: '' });
    expect(await succeed('list')).toBe('');
  });

  it('are detached by another program, one or all of them', async () => {
    const kernel = bootKernel();
    const uri = (await serve('memory:1M'))();
    const running = [await attaching(uri), await attaching(uri), await attaching(uri)];
    expect(await succeed('detach', '/dev/nbd1')).toBe('');
    expect(await running[1]?.ended).toMatchObject({ code: 0 });
    expect(await nbd('detach', '/dev/nbd1', '/dev/nbd2')).toMatchObject({
      code: 1,
      stderr: 'nbd: /dev/nbd1 is not attached\n',
    });
    expect([...kernel.devices.keys()]).toEqual([0]);
    expect(await succeed('detach', '--all')).toBe('');
    for (const { ended } of running) expect(await ended).toMatchObject({ code: 0 });
    expect(await succeed('detach', '--all')).toBe('');
  });

  it('stay as long as they are in use, unless they are forced away', async () => {
    const kernel = bootKernel();
    const uri = (await serve('memory:1M'))();
    const running = await attaching(uri);
    expect(await failure('attach', uri, '/dev/nbd0')).toBe(
      'nbd: attaching /dev/nbd0: it is in use already (nbd list shows what is attached)\n',
    );
    system.isMounted = true;
    expect(await failure('detach', '/dev/nbd0')).toBe('nbd: /dev/nbd0 is in use: a file system on it is mounted\n');
    const stopped = running.stop();
    await expect.poll(running.notes).toContain('; waiting for the end of that (a second signal ends at once)\n');
    expect(kernel.devices.size).toBe(1);
    system.isMounted = false;
    expect(await stopped).toMatchObject({ code: 0 });
    expect(kernel.devices.size).toBe(0);

    const other = await attaching(uri);
    system.isMounted = true;
    expect(await succeed('detach', '--force', '/dev/nbd0')).toBe('');
    expect(await other.ended).toMatchObject({ code: 0 });
  });

  it('need the module, and the error says how to load it', async () => {
    bootKernelWithoutModule();
    const uri = (await serve('memory:1M'))();
    const words = "nbd: kernel has no NBD driver: its module 'nbd' is not loaded (as root: modprobe nbd)\n";
    expect(await failure('attach', uri)).toBe(words);
    expect(await failure('attach', '--via', 'ioctl', uri, '/dev/nbd0')).toBe(words);
    expect(await failure('detach', '/dev/nbd0')).toBe(words);
    expect(await failure('detach', '--all')).toBe(words);
    expect(await failure('list')).toBe(words);
    expect(await nbd('list', '--json')).toMatchObject({ code: 1, stdout: '', stderr: words });
  });

  it('are attached and detached by root only, and listed by all', async () => {
    const kernel = bootKernel();
    const uri = (await serve('memory:1M'))();
    const running = await attaching(uri);
    kernel.refusal = { errorNumber: EPERM };
    expect(await failure('attach', uri)).toMatch(/^nbd: attaching a device: only root may \(.*CAP_SYS_ADMIN\).*\n$/);
    expect(await failure('detach', '/dev/nbd0')).toMatch(/^nbd: detaching \/dev\/nbd0: only root may /);
    expect(await succeed('list')).toContain('/dev/nbd0');
    kernel.refusal = undefined;
    expect(await running.stop()).toMatchObject({ code: 0 });
  });

  it('are not waited for after a signal', async () => {
    bootKernel();
    const abort = new AbortController();
    let notes = '';
    const hearErrors = (text: string): void => {
      notes += text;
    };
    const uri = `nbd+unix:///?socket=${workspace.hostPath('none')}`;
    const running = nbdWith({ signal: abort.signal, hearErrors }, 'attach', '--retries', '20', uri);
    await expect.poll(() => notes).toContain('trying again');
    abort.abort(new Error('interrupted'));
    expect(await running).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('interrupted') });
  });

  it.each([
    ['attach', "missing required argument 'server'"],
    ['attach disk.img', "'disk.img' is not an NBD URI"],
    ['attach nbd://localhost /dev/nbd0 /dev/nbd1', "too many arguments for 'attach'"],
    ['attach --connections 17 nbd://localhost', "--connections: '17' is not a number between 1 and 16"],
    ['attach --block-size 1000 nbd://localhost', '--block-size: 1000 is not a power of two between 512 and 4096'],
    ['attach --keep soon nbd://localhost', "--keep: 'soon' is not a number between 0 and 86400"],
    ['attach --via usb nbd://localhost', "--via <way>' argument 'usb' is invalid"],
    ['attach --take-over nbd://localhost', '--take-over needs the device, such as /dev/nbd0'],
    ['detach', 'give the devices to detach, such as /dev/nbd0, or --all'],
    ['detach --all /dev/nbd0', '--all and devices exclude each other'],
    ['detach --timeout 0 /dev/nbd0', "--timeout: '0' is not a number between 1 and"],
    ['detach /dev/sda', "'/dev/sda' is not the name of an NBD device, expected /dev/nbd0, for example"],
    ['detach /dev/nbd0p1', "'/dev/nbd0p1' is a partition, give its device"],
    ['detach /dev/nbd3', '/dev/nbd3 is not attached'],
    ['list /dev/sda', "'/dev/sda' is not the name of an NBD device"],
  ])('are not reached by: nbd %s', async (line, words) => {
    bootKernel();
    expect(await failure(...line.split(' '))).toContain(words);
  });
});
