/** The virtual machine: Debian's kernel, and the programs of this system, read-only. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpioArchive } from './cpio.mjs';
import { modulesInOrder } from './modules.mjs';

/** What the machine's start needs, what the scenario needs, and what fio and file systems need. */
const moduleNames = [
  'virtio_pci',
  '9pnet_virtio',
  '9p',
  'overlay',
  'crc32c_generic',
  'ext4',
  'virtio_rng',
  'af_packet',
];

/** Fetches the kernel and busybox into the cache folder, unless they are there. Returns where they are. */
export function fetchKernel(cache, kernelPackage) {
  const root = join(cache, kernelPackage);
  if (!existsSync(root)) {
    const packages = join(cache, 'packages');
    mkdirSync(packages, { recursive: true });
    execFileSync('apt-get', ['download', kernelPackage, 'busybox-static'], { cwd: packages, stdio: 'inherit' });
    for (const file of readdirSync(packages)) execFileSync('dpkg-deb', ['-x', join(packages, file), root]);
  }
  const [version] = readdirSync(join(root, 'lib/modules'));
  return {
    version,
    image: join(root, 'boot', `vmlinuz-${version}`),
    modules: join(root, 'lib/modules', version),
    busybox: join(root, 'bin/busybox'),
  };
}

/** Writes the first file system of the machine; its `init` mounts this system's files, and starts `program` there. */
export function writeFirstFiles(path, kernel, program) {
  const modules = modulesInOrder(kernel.modules, moduleNames);
  const nbd = modulesInOrder(kernel.modules, ['nbd']);
  const named = modules.map((file, index) => ({ path: `modules/${String(index).padStart(2, '0')}.ko`, file }));
  const entries = [
    ...['bin', 'dev', 'proc', 'sys', 'host', 'space', 'root', 'modules'].map((name) => ({ path: name, folder: true })),
    { path: 'bin/busybox', content: readFileSync(kernel.busybox), executable: true },
    { path: 'init', content: Buffer.from(initScript(named, program)), executable: true },
    { path: 'nbd.ko', content: readFileSync(nbd.at(-1)) },
    ...named.map((module) => ({ path: module.path, content: readFileSync(module.file) })),
  ];
  writeFileSync(path, cpioArchive(entries));
}

/** What the machine writes is in its memory, so nothing of this system is changed. */
function initScript(modules, program) {
  return `#!/bin/busybox sh
set -e
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
${modules.map(({ path }) => `$b insmod /${path}`).join('\n')}
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /host
$b mount -t tmpfs space /space
$b mkdir /space/upper /space/work
$b mount -t overlay -o lowerdir=/host,upperdir=/space/upper,workdir=/space/work overlay /root
for point in proc sys dev; do $b mount --move /$point /root/$point; done
$b mount -t tmpfs tmp /root/tmp
$b mount -t tmpfs run /root/run
$b mkdir -p /root/run/nbdjs
$b cp /nbd.ko /root/run/nbdjs/nbd.ko
$b cp /bin/busybox /root/run/nbdjs/busybox
$b ip link set lo up || true
echo '--- the machine is up'
exec $b switch_root /root /bin/sh -c ${quoted(program)}
`;
}

/**
 * Runs the machine until it switches itself off, and hands each line of its console to \`onLine\`. Settles with false when the machine had to
 * be stopped, because time was up.
 */
export async function runMachine({ kernel, firstFiles, accelerator, memoryMiB, processors, limitMs, onLine }) {
  const machine = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'q35', '-accel', accelerator, '-cpu', 'max'],
      ...[
        '-m',
        String(memoryMiB),
        '-smp',
        String(processors),
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-no-reboot',
      ],
      ...['-serial', 'stdio', '-device', 'virtio-rng-pci'],
      ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'],
      ...['-kernel', kernel.image, '-initrd', firstFiles],
      ...['-append', 'console=ttyS0 quiet loglevel=4 panic=-1 oops=panic'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  const stop = () => machine.kill('SIGKILL');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, stop);
  let isInTime = true;
  const timer = setTimeout(() => {
    isInTime = false;
    stop();
  }, limitMs);
  let rest = '';
  machine.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  await ended.finally(() => {
    clearTimeout(timer);
    for (const signal of signals) process.removeListener(signal, stop);
  });
  if (rest !== '') onLine(rest);
  return isInTime;
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
