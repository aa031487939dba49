/**
 * Tries `nbd attach` with a kernel: boots Debian's kernel in a virtual machine, with this system's programs, and runs the scenarios there.
 * Prints a line for each; exits with 0 when all have succeeded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fetchKernel, runMachine, writeFirstFiles } from './machine.mjs';

const help = `Usage: node src/main.mjs [options]

  --kernel <package>   Debian's package of the kernel (default: linux-image-6.1.0-50-amd64)
  --cache <folder>     where it is kept (default: ~/.cache/nbdjs/attach-vm)
  --accel <name>       qemu's accelerator: kvm is quicker than tcg, where it works (default: tcg)
  --minutes <n>        the machine is stopped after this time (default: 20)
  --only <text>        only scenarios whose names have this text
  --verbose            print all that the machine prints
  --help               show this`;

const { values } = parseArgs({
  options: {
    kernel: { type: 'string', default: 'linux-image-6.1.0-50-amd64' },
    cache: {
      type: 'string',
      default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'nbdjs/attach-vm'),
    },
    accel: { type: 'string', default: 'tcg,thread=multi' },
    minutes: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(help);
  process.exit();
}

const scenarios = fileURLToPath(new URL('scenarios.mjs', import.meta.url));
const kernel = fetchKernel(values.cache, values.kernel);
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-attach-vm-'));
try {
  const firstFiles = join(folder, 'first.cpio');
  const program = `export HOME=/tmp ONLY="${values.only}"; exec 2>&1; '${process.execPath}' '${scenarios}'; /run/nbdjs/busybox poweroff -f`;
  writeFirstFiles(firstFiles, kernel, program);
  let failures;
  const isInTime = await runMachine({
    kernel,
    firstFiles,
    accelerator: values.accel,
    memoryMiB: 3072,
    processors: 2,
    limitMs: Number(values.minutes) * 60_000,
    onLine: (line) => {
      const [, count] = /^@ done (\d+)/.exec(line) ?? [];
      if (count !== undefined) failures = Number(count);
      if (values.verbose) console.log(line);
      else if (line.startsWith('@ ') && count === undefined) console.log(line.slice(2));
    },
  });
  if (failures === undefined) {
    console.log(isInTime ? 'the machine has ended before the scenarios did (--verbose)' : 'the machine took too long');
  }
  process.exitCode = failures === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
