/** Which backup a command makes, and which one it follows. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type ChangesEntry, type ChangesStart, CopyState, isChanges, readChanges } from '@nbdjs/copy';
import { createCheckpointFile } from '@nbdjs/storage';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import { type Operand, publicName } from '../../options/operand.ts';
import { readBytes } from './byte-streams.ts';
import type { TargetSide } from './side.ts';

/** What a file of changes says about itself. */
export type BackupOrigin = Pick<ChangesStart, 'id' | 'parent' | 'created' | 'source'>;

/** The hash of files of changes. */
export const sha256 = () => createHash('sha256');

/** A backup that is about to be made. @throws as `backupIn` does. */
export async function newBackup(source: Operand, after: string | undefined): Promise<BackupOrigin> {
  const parent = after === undefined ? undefined : await backupIn(after);
  const created = new Date().toISOString();
  return { id: newBackupId(), parent, created, source: publicName(source) };
}

function newBackupId(): string {
  return randomBytes(16).toString('hex');
}

/** Notes in a file, if there is one, that a copy is about to become a backup. */
export async function beginBackup(path: string | undefined, id: string): Promise<CopyState | undefined> {
  if (path === undefined) return undefined;
  const state = new CopyState(createCheckpointFile(path));
  await state.load();
  await state.begin(id);
  return state;
}

/** What a report says of a backup that others can follow. */
export function backupMembers(
  to: TargetSide,
  { state, backup }: { readonly state?: string | undefined; readonly backup: BackupOrigin },
): Partial<BackupOrigin> {
  if (to.type === 'image' && to.format === 'changes') return { id: backup.id, parent: backup.parent };
  return state === undefined ? {} : { id: backup.id };
}

/**
 * Returns the id of the backup that a file of changes makes, or that a state says a copy holds.
 *
 * @throws UsageError for a file that is neither, and for a state without a backup that is complete; CommandError for changes that are cut; errors
 * of the system.
 */
export async function backupIn(path: string): Promise<string> {
  if (!(await beginsAsChanges(path))) return await backupOfState(path);
  let id: string | undefined;
  // What is cut makes no backup that another could follow.
  for await (const entry of changesIn(path)) if (entry.type === 'start') id = entry.id;
  return id as string;
}

async function backupOfState(path: string): Promise<string> {
  const held = await new CopyState(createCheckpointFile(path)).load();
  if (held === undefined) throw argumentError(`--after: there is no ${path}`);
  if (held.next !== undefined) throw argumentError(`${path}: a copy of ${held.next} did not end; repeat it first`);
  if (held.id === undefined) throw argumentError(`${path}: the copy holds no backup that is known`);
  return held.id;
}

async function beginsAsChanges(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(8), 0, 8, 0);
      return isChanges(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw systemErrorOf(path, error);
  }
}

/** The entries of a regular file. @throws errors of the system with its name, and as `readChanges` does. */
export function changesIn(path: string): AsyncGenerator<ChangesEntry, void, void> {
  return readChanges(bytesOf(path), sha256);
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw systemErrorOf(path, error);
  }
}
