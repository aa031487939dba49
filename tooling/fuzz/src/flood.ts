/** Honest clients of a real server, beside hostile ones: measures how many requests they complete, and the memory that the server uses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '@nbdjs/peers/local';
import { createServer, type GivenLimits, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

/** How many hostile clients there are, or come each second. */
export interface Attack {
  readonly slow?: number | undefined;
  readonly unread?: number | undefined;
  readonly connect?: number | undefined;
}

export interface FloodOptions {
  readonly attack: Attack;
  readonly seconds: number;
  readonly limits?: GivenLimits | undefined;
}

export interface FloodResult {
  /** Requests of honest clients a second: alone, and under attack. */
  readonly calmPerSecond: number;
  readonly attackedPerSecond: number;
  /** What the process's memory grew by, at most. */
  readonly grownBytes: number;
  readonly clients: Server['clients'];
  /** What was not given back two seconds after all were gone. */
  readonly leftSessions: number;
  readonly leftBytes: number;
  readonly leftDescriptors: number;
  readonly leftTimers: number;
}

const honestClients = 2;
const deviceBytes = 64 * 2 ** 20;
/** Until all hostile clients are there. */
const gatherMs = 2000;

const node = [
  process.execPath,
  '--conditions',
  '@nbdjs/source',
  '--import',
  new URL('../../vitest/typescript-hook.mjs', import.meta.url).href,
] as const;
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** So many files a process may have open. */
export function openFilesMax(): number {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return Number(line?.[1] ?? 1024);
}

export async function flood({ attack, seconds, limits }: FloodOptions): Promise<FloodResult> {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-flood-'));
  const path = join(folder, 'socket');
  const device = createMemoryDevice({ size: deviceBytes });
  device.write(0, new Uint8Array(deviceBytes / 4).fill(1));
  const server = createServer({ exports: { '': device }, limits });
  const before = { descriptors: descriptors(), timers: timers() };
  const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
  try {
    const calmPerSecond = await honestLoad(path, seconds);
    const baseBytes = process.memoryUsage.rss();
    let peakBytes = baseBytes;
    const sampler = setInterval(() => {
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    }, 50);
    const hostile = Object.entries(attack).map(([kind, count]) =>
      run('flooder.ts', [path, kind, String(count), String(seconds + gatherMs / 1000 + 2)], seconds),
    );
    await pause(gatherMs);
    const attackedPerSecond = await honestLoad(path, seconds);
    await Promise.all(hostile);
    clearInterval(sampler);
    await pause(gatherMs);
    const clients = server.clients;
    const leftSessions = server.sessions.length;
    const leftBytes = server.bytesInFlight;
    await listener.close();
    await server.destroy();
    await pause(100);
    return {
      calmPerSecond,
      attackedPerSecond,
      grownBytes: peakBytes - baseBytes,
      clients,
      leftSessions,
      leftBytes,
      leftDescriptors: Math.max(0, descriptors() - before.descriptors),
      leftTimers: Math.max(0, timers() - before.timers),
    };
  } finally {
    await listener.close();
    await server.destroy();
    await device.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function honestLoad(path: string, seconds: number): Promise<number> {
  const args = [`nbd+unix:///?socket=${path}`, String(honestClients), String(seconds)];
  const { perSecond } = (await run('honest-load.ts', args, seconds)) as { readonly perSecond: number };
  return perSecond;
}

async function run(name: string, args: readonly string[], seconds: number): Promise<unknown> {
  const timeoutMs = 1000 * seconds + 60_000;
  const { code, stdout, stderr } = await runCommandLine([...node, script(name), ...args], { timeoutMs });
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.toString());
}

/** The result in a line. */
export function describeFlood(name: string, result: FloodResult): string {
  const { calmPerSecond, attackedPerSecond, grownBytes, clients } = result;
  const share = Math.round((100 * attackedPerSecond) / calmPerSecond);
  const reasons = Object.entries({ ...clients.refused, ...clients.cutOff }).filter(([, count]) => count > 0);
  const counts = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ');
  return [
    `${name}: honest clients ${Math.round(calmPerSecond)} requests/s alone, ${Math.round(attackedPerSecond)} under attack (${share} %)`,
    `memory +${Math.round(grownBytes / 2 ** 20)} MiB`,
    `${clients.accepted} clients came in${counts === '' ? '' : `; ${counts}`}`,
  ].join('; ');
}
