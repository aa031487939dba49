/** The scenarios, inside the machine. Prints a line for each, and ends with their number as the last line. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  attach,
  expect,
  expectNoErrors,
  failureCount,
  launch,
  nbd,
  newKernelLines,
  run,
  scenario,
  serve,
  succeed,
  until,
  uriOf,
  within,
} from './inside.mjs';

const folder = '/tmp/attach';
const disk = join(folder, 'disk.img');
const socket = join(folder, 'server.sock');
const uri = uriOf(socket);
const mountPoint = join(folder, 'mounted');
const diskBytes = 192 * 2 ** 20;

mkdirSync(mountPoint, { recursive: true });

/** A disk of zeroes and a server, new for each scenario. */
async function freshServer(...more) {
  rmSync(socket, { force: true });
  rmSync(disk, { force: true });
  const fd = openSync(disk, 'w');
  ftruncateSync(fd, diskBytes);
  closeSync(fd);
  return await serve(socket, disk, ...more);
}

/** Kills a server at once, and starts another one after a time. */
async function restartAfter(server, ms) {
  await server.stop('SIGKILL');
  rmSync(socket, { force: true });
  await wait(ms);
  return await serve(socket, disk);
}

const listed = () => JSON.parse(nbd('list', '--json').stdout).devices;
const attachedTo = (device) => listed().find((one) => one.device === device);

/** Writes files, and returns their hashes. */
function writeFiles(count, byteCount) {
  const hashes = new Map();
  for (let index = 0; index < count; index++) {
    const content = randomBytes(byteCount);
    writeFileSync(join(mountPoint, `file-${index}`), content);
    hashes.set(`file-${index}`, createHash('sha256').update(content).digest('hex'));
  }
  return hashes;
}

function expectFiles(hashes) {
  for (const [name, hash] of hashes) {
    const found = createHash('sha256')
      .update(readFileSync(join(mountPoint, name)))
      .digest('hex');
    expect(found === hash, `${name} has other content than was written`);
  }
}

/** A file system from its making to its check. */
function fileSystem(device) {
  succeed('mkfs.ext4', ['-q', '-F', device]);
  succeed('mount', [device, mountPoint]);
  const hashes = writeFiles(24, 2 ** 20);
  succeed('umount', [mountPoint]);
  succeed('mount', [device, mountPoint]);
  expectFiles(hashes);
  for (const name of readdirSync(mountPoint).filter((name) => /^file-1/.test(name))) rmSync(join(mountPoint, name));
  succeed('sync', []);
  const trimmed = succeed('fstrim', ['-v', mountPoint]);
  succeed('umount', [mountPoint]);
  succeed('e2fsck', ['-f', '-n', device]);
  return trimmed.replace(/^.*: /, '');
}

/** Writes and reads with checks for a time. Returns fio's end. */
function load(device, seconds) {
  return launch('fio', [
    ...['--name=load', `--filename=${device}`, '--ioengine=libaio', '--direct=1', '--iodepth=16', '--bs=4k-64k'],
    ...['--rw=randrw', '--size=96m', '--verify=crc32c', '--verify_backlog=64', '--verify_fatal=1', '--time_based'],
    ...[`--runtime=${seconds}`, '--numjobs=2', '--offset_increment=96m', '--group_reporting', '--output-format=json'],
  ]);
}

async function loaded(running, seconds) {
  const { code, output } = await within((seconds + 120) * 1000, running.ended, 'fio');
  expect(code === 0, `fio has ended with ${code}: ${output.slice(0, 2000)}`);
  const [job] = JSON.parse(output.slice(output.indexOf('{'))).jobs;
  expect(job.error === 0, `fio has the error ${job.error}`);
  const most = Math.max(job.read.clat_ns.max, job.write.clat_ns.max) / 1e9;
  const text = `${job.read.total_ios} reads, ${job.write.total_ios} writes, the longest took ${most.toFixed(1)} s`;
  return { text, longestMs: most * 1000 };
}

/** Waits until a device has answered some requests of a load: fio takes its time to start here. */
async function underWay(device) {
  const answered = () => {
    const [reads = '0', , , , writes = '0'] = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
      .trim()
      .split(/ +/);
    return Number(reads) + Number(writes);
  };
  const before = answered();
  for (let tries = 0; answered() < before + 20; tries++) {
    expect(tries < 120, 'the load does not begin');
    await wait(1000);
  }
}

/** A server that is away for a time under load. */
async function outage(awayMs, loadSeconds, ...attachArguments) {
  const server = await freshServer();
  const attached = await attach(...attachArguments, uri);
  const running = load(attached.device, loadSeconds);
  await underWay(attached.device);
  const again = await restartAfter(server, awayMs);
  const { text, longestMs } = await loaded(running, loadSeconds);
  expect(longestMs > awayMs / 2, `no request has waited for the server: ${text}`);
  expectNoErrors();
  expect(nbd('detach', attached.device).code === 0, 'detach fails');
  expect((await attached.ended) === 0, 'attach does not end with 0');
  await again.stop();
  return text;
}

await scenario('without the module, nbd says so', () => {
  for (const words of [['list'], ['list', '/dev/nbd0']]) {
    const { code, stderr } = nbd(...words);
    expect(code === 1 && stderr.includes('modprobe nbd'), stderr);
  }
  const tried = nbd('attach', '[', 'nbdkit', 'null', ']');
  expect(tried.code === 1, 'attach succeeds');
});

succeed('/run/nbdjs/busybox', ['insmod', '/run/nbdjs/nbd.ko', 'nbds_max=8']);
newKernelLines();

await scenario('netlink: mkfs, files, trim, fsck, list, detach', async () => {
  const server = await freshServer();
  const attached = await attach(uri);
  const [device] = listed();
  expect(device.device === attached.device && device.size === diskBytes, JSON.stringify(device));
  expect(device.pid === attached.pid && device.server === uri, JSON.stringify(device));
  expect(succeed('blockdev', ['--getss', '--getbsz', '--getsize64', attached.device]).startsWith('512'), 'blocks');
  const trimmed = fileSystem(attached.device);
  expectNoErrors();
  expect(nbd('list', attached.device).code === 0, 'list says that it is not attached');
  expect(nbd('detach', attached.device).code === 0, 'detach fails');
  expect(nbd('list', attached.device).code === 1, 'list says that it is attached');
  expect((await within(20_000, attached.ended, 'the end')) === 0, 'attach does not end with 0');
  expect(listed().length === 0, 'the device is still listed');
  const stored = succeed('du', ['-k', disk]).split('\t')[0];
  await server.stop();
  return `trimmed ${trimmed}, ${stored} KiB stored`;
});

await scenario('netlink: 4 connections, blocks of 4096, read-only, JSON', async () => {
  const server = await freshServer();
  const four = await attach('--connections', '4', '--block-size', '4096', '--json', uri);
  await four.says('}');
  const facts = JSON.parse(four.output.slice(four.output.indexOf('{'), four.output.lastIndexOf('}') + 1));
  expect(facts.connections === 4 && facts.blockSize === 4096 && facts.via === 'netlink', JSON.stringify(facts));
  expect(succeed('blockdev', ['--getss', four.device]) === '4096', 'the size of blocks');
  const queues = readdirSync(`/sys/block/${four.device.slice(5)}/mq`).length;
  fileSystem(four.device);
  expect((await four.stop()) === 0, 'attach does not end with 0');
  const readOnly = await attach('--read-only', uri, '/dev/nbd5');
  expect(readOnly.device === '/dev/nbd5' && attachedTo('/dev/nbd5').readOnly, 'the device is not read-only');
  expect(
    run('dd', ['if=/dev/zero', 'of=/dev/nbd5', 'bs=4096', 'count=1', 'oflag=direct']).code !== 0,
    'it can be written',
  );
  succeed('mount', ['-o', 'ro', '/dev/nbd5', mountPoint]);
  succeed('umount', [mountPoint]);
  expect((await readOnly.stop('SIGINT')) === 0, 'attach does not end with 0');
  await server.stop();
  return `${queues} queues`;
});

await scenario('netlink: TLS', async () => {
  succeed(process.execPath, [
    join(import.meta.dirname, '../../../apps/cli/dist/main.cjs'),
    'certs',
    join(folder, 'pki'),
  ]);
  const server = await freshServer('--tls-certificates', join(folder, 'pki'));
  const attached = await attach('--tls-certificates', join(folder, 'pki'), `nbds+unix:///?socket=${socket}`);
  fileSystem(attached.device);
  expectNoErrors();
  expect((await attached.stop()) === 0, 'attach does not end with 0');
  await server.stop();
});

await scenario('netlink: a server that is away for 20 s under load', () => outage(20_000, 40));
await scenario('netlink, 4 connections: a server that is away for 45 s under load', () =>
  outage(45_000, 60, '--connections', '4'),
);

await scenario('netlink: --timeout 3, and then I/O errors', async () => {
  const server = await freshServer();
  const attached = await attach('--timeout', '3', uri);
  await server.stop('SIGKILL');
  const startMs = performance.now();
  const { code } = run('dd', [`if=${attached.device}`, 'of=/dev/null', 'bs=4096', 'count=1', 'skip=9', 'iflag=direct']);
  const seconds = (performance.now() - startMs) / 1000;
  expect(code !== 0, 'reading succeeds without a server');
  expect(seconds < 20, `it took ${seconds} s`);
  newKernelLines();
  await attached.stop('SIGTERM', 60_000);
  expect(listed().length === 0, 'the device is still listed');
  return `an error after ${seconds.toFixed(1)} s`;
});

await scenario('a signal while a file system is mounted', async () => {
  const server = await freshServer();
  const attached = await attach(uri);
  succeed('mkfs.ext4', ['-q', '-F', attached.device]);
  succeed('mount', [attached.device, mountPoint]);
  const refused = nbd('detach', attached.device);
  expect(refused.code === 1 && refused.stderr.includes('in use'), refused.stderr);
  attached.kill('SIGTERM');
  await attached.says('in use');
  const hashes = writeFiles(3, 2 ** 20);
  succeed('umount', [mountPoint]);
  expect((await within(20_000, attached.ended, 'the end')) === 0, 'attach does not end with 0');
  const again = await attach(uri);
  succeed('mount', [again.device, mountPoint]);
  expectFiles(hashes);
  succeed('umount', [mountPoint]);
  expectNoErrors();
  expect((await again.stop()) === 0, 'attach does not end with 0');
  await server.stop();
});

await scenario('netlink: attach is killed, and what remains', async () => {
  const server = await freshServer();
  const attached = await attach(uri);
  await attached.stop('SIGKILL');
  await wait(500);
  const dead = attachedTo(attached.device);
  expect(dead !== undefined && dead.pid === null, JSON.stringify(dead));
  expect(
    run('dd', [`if=${attached.device}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct']).code !== 0,
    'it can be read',
  );
  const next = await attach(uri);
  expect(next.device !== attached.device, 'the dead device is used');
  expect(nbd('detach', attached.device).code === 0, 'the dead device cannot be detached');
  const same = await attach(uri, attached.device);
  fileSystem(same.device);
  expect((await next.stop()) === 0 && (await same.stop()) === 0, 'attach does not end with 0');
  expect(listed().length === 0, 'devices are still listed');
  await server.stop();
  newKernelLines();
});

await scenario('netlink: attach is killed under load, and another one takes over', async () => {
  const server = await freshServer();
  const attached = await attach('--keep', '60', uri);
  const running = load(attached.device, 20);
  await underWay(attached.device);
  await attached.stop('SIGKILL');
  await wait(3000);
  const next = await attach('--keep', '60', '--take-over', uri, attached.device);
  const { text, longestMs } = await loaded(running, 20);
  expect(longestMs > 2000, `no request has waited for the other one: ${text}`);
  expectNoErrors();
  expect(attachedTo(attached.device) !== undefined, 'it is not listed');
  expect((await next.stop()) === 0, 'attach does not end with 0');
  expect(listed().length === 0, 'the device is still listed');
  await server.stop();
  return text;
});

await scenario('ioctl: mkfs, files, trim, fsck, list, detach', async () => {
  const server = await freshServer();
  const attached = await attach('--via', 'ioctl', '--connections', '2', uri);
  expect(attachedTo(attached.device).pid === attached.pid, 'list has another process');
  const trimmed = fileSystem(attached.device);
  expectNoErrors();
  expect((await attached.stop()) === 0, 'attach does not end with 0');
  expect(listed().length === 0, 'the device is still listed');
  const second = await attach('--via', 'ioctl', uri);
  expect(nbd('detach', '--via', 'ioctl', second.device).code === 0, 'detach fails');
  expect((await within(20_000, second.ended, 'the end')) === 0, 'attach does not end with 0');
  const third = await attach('--via', 'ioctl', uri);
  await third.stop('SIGKILL');
  await until(() => listed().length === 0, 'the device to be free');
  await server.stop();
  newKernelLines();
  return `trimmed ${trimmed}`;
});

await scenario('ioctl: a server that is away for 20 s under load', () => outage(20_000, 40, '--via', 'ioctl'));

await scenario('speed of reads and writes', async () => {
  const server = await freshServer();
  const figures = [];
  for (const connections of ['1', '4']) {
    const attached = await attach('--connections', connections, uri);
    for (const [name, options] of [
      ['writes of 1 MiB', ['--rw=write', '--bs=1m', '--iodepth=8']],
      ['reads of 1 MiB', ['--rw=read', '--bs=1m', '--iodepth=8']],
      ['random reads of 4 KiB', ['--rw=randread', '--bs=4k', '--iodepth=32']],
    ]) {
      const fio = ['--name=speed', `--filename=${attached.device}`, '--ioengine=libaio', '--direct=1', '--size=128m'];
      const output = succeed('fio', [...fio, ...options, '--time_based', '--runtime=5', '--output-format=json']);
      const [{ read, write }] = JSON.parse(output.slice(output.indexOf('{'))).jobs;
      const { bw, iops } = name.startsWith('writes') ? write : read;
      figures.push(`${name}, ${connections} connections: ${(bw / 1024).toFixed(0)} MiB/s, ${iops.toFixed(0)}/s`);
    }
    expect((await attached.stop()) === 0, 'attach does not end with 0');
  }
  await server.stop();
  return figures.join('; ');
});

console.log(`@ done ${failureCount()}`);
process.exit();
