/** Members of archives by the names that people write. */
import { listIsoFiles, listTarMembers, openIsoFile, openTarMember } from '@nbdjs/images/archives';
import type { BlockDevice } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import { quoted } from './named-error.ts';

export interface ArchiveMember {
  readonly name: string;
  readonly kind: string;
  readonly length: bigint;
}

/** Lists the members of an archive, folders and links included. */
export async function listMembers(
  device: BlockDevice,
  format: 'tar' | 'iso',
  signal: AbortSignal | undefined,
): Promise<readonly ArchiveMember[]> {
  if (format === 'tar') return await listTarMembers(device, { signal });
  return (await listIsoFiles(device, { signal })).map(({ path, kind, length }) => ({ name: path, kind, length }));
}

/**
 * Opens a member. `rest` is what was wanted inside of the member, which is an archive, too, behind another `#`. Closing the device closes
 * the archive; when this fails, the archive stays open.
 *
 * @throws UsageError when there is no such member, or more than one.
 */
export async function openMember(
  archive: BlockDevice,
  format: 'tar' | 'iso',
  wanted: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly device: BlockDevice; readonly name: string; readonly rest: string | undefined }> {
  const members = await listMembers(archive, format, signal);
  const files = members.filter(({ kind }) => kind !== 'directory' && kind !== 'link' && kind !== 'other');
  for (let end = wanted.length; end > 0; end = wanted.lastIndexOf('#', end - 1)) {
    const name = findMember(files, wanted.slice(0, end));
    if (name === undefined) continue;
    const open = format === 'tar' ? openTarMember : openIsoFile;
    return { device: await open(archive, name, { signal }), name, rest: wanted.slice(end + 1) || undefined };
  }
  const shown = files.slice(0, 10).map((file) => file.name);
  const list =
    shown.length === 0 ? 'it has no files' : `its files are ${shown.join(', ')}${files.length > 10 ? ', ...' : ''}`;
  throw argumentError(`there is no ${quoted(wanted)} in the archive; ${list}`);
}

/** How a member can be named, the most exact way first. */
const ways: readonly ((name: string) => string)[] = [
  plainName,
  baseName,
  (name) => withoutExtension(baseName(name)),
  // `disk1` for `vm-disk1.vmdk`, as virtualisation products name the disks of a machine.
  (name) => /[-_.]([^-_.]+)$/.exec(withoutExtension(baseName(name)))?.[1] ?? '',
];

function findMember(files: readonly ArchiveMember[], wanted: string): string | undefined {
  for (const way of ways) {
    // A name may be there more than once: the last one counts, as for tar.
    const found = [...new Set(files.map(({ name }) => name).filter((name) => way(name) === plainName(wanted)))];
    if (found.length === 1) return found[0];
    if (found.length > 1) throw argumentError(`${quoted(wanted)} is any of ${found.slice(0, 10).join(', ')}`);
  }
  return undefined;
}

function plainName(name: string): string {
  return name.replace(/^(\.?\/)+/, '');
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function withoutExtension(name: string): string {
  return name.replace(/(?<=.)\.[^.]*$/, '');
}
