/** Images in QEMU's own format, made by its tools. */
import type { ImageArea } from './images.ts';
import type { Program } from './programs.ts';
import { runPeer } from './run.ts';
import type { Workspace } from './workspace.ts';

export interface Qcow2Options {
  /** In bytes; may be left out with `from` or `backing`. */
  readonly size?: number | undefined;
  /** Name of a raw image in the workspace whose content it is to have. Not together with `backing`. */
  readonly from?: string | undefined;
  /** Name of the image in the workspace that it is to be an overlay of. */
  readonly backing?: { readonly image: string; readonly format: 'raw' | 'qcow2' } | undefined;
  /** Bitmaps that note what is written from now on. */
  readonly bitmaps?: readonly string[] | undefined;
  /** Areas that are written once the bitmaps are there, each full of `0xd1`, in multiples of 512 bytes. */
  readonly written?: readonly ImageArea[] | undefined;
}

/** What the written areas are full of. */
export const qcow2WrittenByte = 0xd1;

/** Makes an image of that name in the workspace, by the tools of its generation. */
export async function makeQcow2(workspace: Workspace, name: string, options: Qcow2Options): Promise<void> {
  const path = workspace.peerPath(name);
  const { size, from, backing, bitmaps = [], written = [] } = options;
  if (from === undefined) {
    const over = backing === undefined ? [] : ['-b', workspace.peerPath(backing.image), '-F', backing.format];
    await succeed(workspace, 'qemu-img', ['create', '-q', '-f', 'qcow2', ...over, path, ...sizeOf(size)]);
  } else {
    if (backing !== undefined) throw new TypeError('from and backing exclude each other');
    await succeed(workspace, 'qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', workspace.peerPath(from), path]);
    if (size !== undefined) await succeed(workspace, 'qemu-img', ['resize', '-q', '-f', 'qcow2', path, String(size)]);
  }
  for (const bitmap of bitmaps) await succeed(workspace, 'qemu-img', ['bitmap', '--add', '-f', 'qcow2', path, bitmap]);
  if (written.length > 0) {
    const commands = written.flatMap(({ offset, length }) => [
      '-c',
      `write -P ${qcow2WrittenByte} ${offset} ${length}`,
    ]);
    await succeed(workspace, 'qemu-io', ['-f', 'qcow2', ...commands, path]);
  }
}

/** Where an image has data of its own or of its backing images, as qemu-img tells; zeroes and holes are left out. */
export async function allocatedRanges(
  workspace: Workspace,
  name: string,
  format: 'raw' | 'qcow2' = 'raw',
): Promise<readonly ImageArea[]> {
  const path = workspace.peerPath(name);
  const text = await succeed(workspace, 'qemu-img', ['map', '--output=json', '-f', format, path]);
  const areas: ImageArea[] = [];
  for (const { start, length, data } of JSON.parse(text) as { start: number; length: number; data: boolean }[]) {
    const last = areas.at(-1);
    if (!data) continue;
    // It tells neighbours apart by where they lie in the file, which is of no interest here.
    if (last !== undefined && last.offset + last.length === start) {
      areas[areas.length - 1] = { offset: last.offset, length: last.length + length };
    } else areas.push({ offset: start, length });
  }
  return areas;
}

function sizeOf(size: number | undefined): readonly string[] {
  return size === undefined ? [] : [String(size)];
}

async function succeed(workspace: Workspace, program: Program, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runPeer(program, workspace.generation, args);
  if (code !== 0) throw new Error(`${program} ${args[0]} (${workspace.generation}) failed: ${stderr.trim()}`);
  // qemu-io ends well even if one of its commands has failed, and says so on the standard output.
  if (program === 'qemu-io' && /failed|error/i.test(`${stdout}`)) throw new Error(`qemu-io failed: ${stdout}`);
  return stdout.toString();
}
