/** Describes what an export holds, by file(1). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
    await using _ = leaving(client, signal);
    return await probeContent(client, signal);
  };
}

async function probeContent(client: NbdClient, signal: AbortSignal): Promise<string | undefined> {
  const { size } = client.geometry;
  const length = size < probeBytes ? Number(size) : probeBytes;
  let bytes: Uint8Array;
  try {
    bytes = await client.readBytes(0, length, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'nbd-'));
  try {
    const path = join(folder, 'content');
    await writeFile(path, bytes);
    return await describeFile(path, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
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
