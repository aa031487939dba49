/** Describes what an export holds, by file(1). */
import { mkdtempSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adoptConnection, type NbdClient } from '@nbdjs/client';
import type { ExportInspector, InspectOptions } from '@nbdjs/connection';
import { leaving } from '../../connecting/leaving.ts';

const probeBytes = 8192;

/** Makes the examination of an open export: the description of its first bytes, or `undefined` where that fails. */
export function contentOf(
  { name }: ExportInspector,
  signal: AbortSignal,
): NonNullable<InspectOptions<string | undefined>['examine']> {
  return async (established) => {
    const client = await adoptConnection(established, { signal }, name);
    let description: Promise<string | undefined>;
    {
      await using _ = leaving(client, signal);
      const bytes = await firstBytes(client, signal);
      if (bytes === undefined) return undefined;
      // file(1) runs while the client leaves.
      description = describeBytes(bytes, signal);
      description.catch(() => {});
    }
    return await description;
  };
}

/** Returns the first bytes, or `undefined` where they cannot be read. */
async function firstBytes(client: NbdClient, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { size } = client.geometry;
  const length = size < probeBytes ? Number(size) : probeBytes;
  try {
    return await client.readBytes(0, length, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

async function describeBytes(bytes: Uint8Array, signal: AbortSignal): Promise<string | undefined> {
  // So few bytes are written sooner than a thread that writes them is started.
  const folder = mkdtempSync(join(tmpdir(), 'nbd-'));
  const path = join(folder, 'content');
  try {
    writeFileSync(path, bytes);
    return await describeFile(path, signal);
  } finally {
    removeFolder(folder, path);
  }
}

/** To have Node remove a folder with all that may be in it takes two milliseconds. We know what is in ours, if nothing has gone wrong. */
function removeFolder(folder: string, content: string): void {
  try {
    unlinkSync(content);
    rmdirSync(folder);
  } catch {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describeFile(path: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = process
      .getBuiltinModule('node:child_process')
      .spawn('file', ['-b', path], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000, signal });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => resolve(code === 0 && text.trim() !== '' ? text.trimEnd() : undefined));
  });
}
