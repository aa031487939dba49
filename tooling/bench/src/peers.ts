/** The others: fio's engine over libnbd, nbdcopy, and the incumbent of JavaScript. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommandLine } from '@nbdjs/peers/local';

interface FioReport {
  readonly jobs: readonly { readonly read: { readonly iops: number }; readonly write: { readonly iops: number } }[];
}

/** Requests per second of libnbd, driven by fio. */
export async function fio(
  socketPath: string,
  command: 'read' | 'write',
  depth: number,
  blockBytes: number,
  seconds: number,
): Promise<number> {
  const { code, stdout, stderr } = await runCommandLine([
    'fio',
    '--name=load',
    '--ioengine=nbd',
    `--uri=nbd+unix:///?socket=${socketPath}`,
    `--rw=rand${command}`,
    `--bs=${blockBytes}`,
    `--iodepth=${depth}`,
    '--size=1G',
    '--time_based',
    `--runtime=${seconds}`,
    '--output-format=json',
  ]);
  if (code !== 0) throw new Error(`fio ended with ${code}: ${stderr}`);
  const text = stdout.toString();
  const report = JSON.parse(text.slice(text.indexOf('{'))) as FioReport;
  const [job] = report.jobs;
  return Math.max(job?.read.iops ?? 0, job?.write.iops ?? 0);
}

/** Seconds of wall time that a command takes, start-up included. */
export async function wallSeconds(command: readonly [string, ...string[]]): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await runCommandLine(command, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}`);
  return (performance.now() - start) / 1000;
}

/** The JavaScript client that is common today, in a folder that is removed afterwards. */
export class Incumbent implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nbdjs-bench-'));

  /** Installs it; `false` when that is not possible here. */
  install(): boolean {
    // It asks for versions that not every registry has. Neither takes part in reading from a server.
    const overrides = { '@xen-orchestra/async-map': '0.1.4', 'xen-api': '4.7.6' };
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ type: 'module', overrides }));
    const args = ['install', '--no-save', '--ignore-scripts', '--silent', '@vates/nbd-client@3.6.0'];
    spawnSync('npm', args, { cwd: this.folder, timeout: 120_000 });
    return existsSync(join(this.folder, 'node_modules/@vates/nbd-client'));
  }

  /** Seconds of processor time per gigabyte read in blocks of this size, 16 in flight. */
  async cpuSecondsPerGb(port: number, blockBytes: number, seconds: number): Promise<number> {
    writeFileSync(join(this.folder, 'load.mjs'), incumbentLoad);
    const { code, stdout, stderr } = await runCommandLine([
      process.execPath,
      join(this.folder, 'load.mjs'),
      String(port),
      String(blockBytes),
      String(seconds),
    ]);
    if (code !== 0) throw new Error(`the incumbent ended with ${code}: ${stderr.slice(-500)}`);
    return Number(stdout.toString().trim());
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The same load as ours, through the incumbent's interface. */
const incumbentLoad = `
import NbdClient from '@vates/nbd-client';
const [port, blockBytes, seconds] = process.argv.slice(2).map(Number);
const client = new NbdClient({ address: '127.0.0.1', port, exportname: '' });
await client.connect();
const blocks = Math.floor(1073741824 / blockBytes);
let count = 0, isOver = false;
const lane = async () => {
  while (!isOver) {
    await client.readBlock(Math.floor(Math.random() * blocks), blockBytes);
    count++;
  }
};
const run = async (ms) => {
  isOver = false;
  count = 0;
  setTimeout(() => { isOver = true; }, ms);
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: 16 }, lane));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / ((count * blockBytes) / 1e9);
};
await run(500);
console.log(await run(seconds * 1000));
await client.disconnect();
process.exit(0);
`;
