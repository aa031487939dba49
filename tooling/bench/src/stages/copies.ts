/** `nbd copy` against nbdcopy, between qemu-nbd and files. */
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { makeRawImage, type PeerServer, startQemuNbd, Workspace } from '@nbdjs/peers';
import { type Copy, copyOf, type End, type Image } from '../cells/copies.ts';
import { commandCandidate } from '../loads/command-candidate.ts';
import { dd } from '../processes/dd.ts';
import { nbd, ServerCost } from '../processes/measured-server.ts';
import { type OpenStage, openStage, type Resources } from './stage.ts';

const gibi = 2 ** 30;

/** What is copied: the size of the device, and how it is made. */
const images: Readonly<
  Record<Image, { readonly bytes: number; readonly dataBytes: number; readonly make: (path: string) => void }>
> = {
  random: {
    bytes: 4 * gibi,
    dataBytes: 4 * gibi,
    make: (path: string) => makeRawImage(path, 4 * gibi, [{ offset: 0, length: 4 * gibi }]),
  },
  sparse: {
    bytes: 64 * gibi,
    dataBytes: gibi,
    make: (path: string) =>
      makeRawImage(
        path,
        64 * gibi,
        Array.from({ length: 64 }, (_, index) => ({ offset: index * gibi, length: gibi / 64 })),
      ),
  },
  extents: { bytes: 2 * gibi, dataBytes: gibi, make: makeExtents },
};

export const openCopying: OpenStage = (setting) =>
  openStage(async (resources) => {
    const workspace = resources.use(new Workspace(setting.generation));
    const ends = new Ends(workspace, resources);
    const programs = { 'nbd copy': [...nbd, 'copy'], nbdcopy: ['nbdcopy'] } as const;
    return async (cell, name) => {
      const { image, from, to } = copyOf.get(cell.id) as Copy;
      const source = await ends.source(image, from);
      const target = await ends.target(image, to);
      const [program, ...args] = programs[name as keyof typeof programs];
      return commandCandidate([program, ...args, source.name, target.name], {
        bytes: images[image].bytes,
        server: new ServerCost([...source.pids, ...target.pids]),
        prepare: target.prepare,
      });
    };
  });

interface Place {
  readonly name: string;
  readonly pids: readonly number[];
  /** Makes a target as empty as at first. */
  readonly prepare?: () => void;
}

/** Images and their servers, each made when it is first needed. */
class Ends {
  readonly #workspace: Workspace;
  readonly #resources: Resources;
  readonly #servers = new Map<string, PeerServer>();
  readonly #made = new Set<string>();

  constructor(workspace: Workspace, resources: Resources) {
    this.#workspace = workspace;
    this.#resources = resources;
  }

  async source(image: Image, end: End): Promise<Place> {
    const file = this.#file(`${image}.img`, images[image].make);
    return end === 'file' ? { name: this.#workspace.hostPath(file), pids: [] } : await this.#served(file, end, true);
  }

  async target(image: Image, end: End): Promise<Place> {
    if (end === 'null') return { name: 'null:', pids: [] };
    if (end === 'file') {
      const name = this.#workspace.hostPath('copy.img');
      const prepare = (): void => {
        rmSync(name, { force: true });
        touchMemory(name, images[image].dataBytes);
      };
      return { name, pids: [], prepare };
    }
    const { bytes } = images[image];
    const file = this.#file(`${image}-target.img`, (path) => makeRawImage(path, bytes, []));
    const prepare = (): void => {
      const path = this.#workspace.hostPath(file);
      truncateSync(path, 0);
      touchMemory(`${path}.touch`, images[image].dataBytes);
      truncateSync(path, bytes);
    };
    return { ...(await this.#served(file, end, false)), prepare };
  }

  #file(name: string, make: (path: string) => void): string {
    if (!this.#made.has(name)) make(this.#workspace.hostPath(name));
    this.#made.add(name);
    return name;
  }

  async #served(image: string, end: End, readOnly: boolean): Promise<Place> {
    const key = `${image} ${end}`;
    const tcp = end === 'TCP';
    // Without, zeroes take as much room as data: more than many disks have.
    const extraArguments = ['--discard=unmap'];
    const server =
      this.#servers.get(key) ??
      this.#resources.use(await startQemuNbd(this.#workspace, { image, format: 'raw', readOnly, tcp, extraArguments }));
    this.#servers.set(key, server);
    return { name: server.uri(), pids: [server.pid] };
  }
}

/**
 * Writes as much as a copy will write, and removes it: a virtual machine that gives free memory back to its host gets it again page by page,
 * which takes longer than the copy. Whoever comes first would pay for it.
 */
function touchMemory(path: string, bytes: number): void {
  dd(['if=/dev/zero', `of=${path}`, 'bs=1M', `count=${bytes / 2 ** 20}`], `write ${bytes} bytes to ${path}`);
  rmSync(path, { force: true });
}

/** 1 GiB in 131072 pieces, with as much of holes between them. */
function makeExtents(path: string): void {
  const piece = randomFillSync(new Uint8Array(8192));
  const fd = openSync(path, 'w');
  for (let index = 0; index < 131_072; index++) writeSync(fd, piece, 0, piece.length, 2 * index * piece.length);
  ftruncateSync(fd, 2 * gibi);
  closeSync(fd);
}
