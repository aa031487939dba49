/** `nbd copy` against nbdcopy, between qemu-nbd and files. */
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { makeRawImage, startQemuNbd, Workspace } from '@nbdjs/peers';
import { type Copy, copyOf, type End, type Image } from '../cells/copies.ts';
import { commandCandidate } from '../loads/command-candidate.ts';
import { dd } from '../processes/dd.ts';
import { nbd, ServerCost } from '../processes/measured-server.ts';
import { type OpenStage, openStage, Resources } from './stage.ts';

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
    const ends = new Ends(workspace);
    const programs = { 'nbd copy': [...nbd, 'copy'], nbdcopy: ['nbdcopy'] } as const;
    return (cell, name) => {
      const { image, from, to } = copyOf.get(cell.id) as Copy;
      const [program, ...args] = programs[name as keyof typeof programs];
      return {
        async measure() {
          // What one program asked of a server may make it faster or slower for the next one.
          await using servers = new Resources();
          const source = await ends.source(image, from, servers);
          const target = await ends.target(image, to, servers);
          return await commandCandidate([program, ...args, source.name, target.name], {
            bytes: images[image].bytes,
            server: new ServerCost([...source.pids, ...target.pids]),
          }).measure();
        },
      };
    };
  });

interface Place {
  readonly name: string;
  readonly pids: readonly number[];
}

/** Images, each made when it is first needed, and their servers. */
class Ends {
  readonly #workspace: Workspace;
  readonly #made = new Set<string>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  async source(image: Image, end: End, servers: Resources): Promise<Place> {
    const file = this.#file(`${image}.img`, images[image].make);
    return end === 'file'
      ? { name: this.#workspace.hostPath(file), pids: [] }
      : await this.#serve(file, end, true, servers);
  }

  /** Makes a target as empty as at first. */
  async target(image: Image, end: End, servers: Resources): Promise<Place> {
    const { bytes, dataBytes } = images[image];
    if (end === 'null') return { name: 'null:', pids: [] };
    if (end === 'file') {
      const name = this.#workspace.hostPath('copy.img');
      rmSync(name, { force: true });
      touchMemory(name, dataBytes);
      return { name, pids: [] };
    }
    const file = this.#file(`${image}-target.img`, (path) => makeRawImage(path, bytes, []));
    const path = this.#workspace.hostPath(file);
    truncateSync(path, 0);
    touchMemory(`${path}.touch`, dataBytes);
    truncateSync(path, bytes);
    return await this.#serve(file, end, false, servers);
  }

  #file(name: string, make: (path: string) => void): string {
    if (!this.#made.has(name)) make(this.#workspace.hostPath(name));
    this.#made.add(name);
    return name;
  }

  async #serve(image: string, end: End, readOnly: boolean, servers: Resources): Promise<Place> {
    const tcp = end === 'TCP';
    // Without, zeroes take as much room as data: more than many disks have.
    const extraArguments = ['--discard=unmap'];
    const server = await startQemuNbd(this.#workspace, { image, format: 'raw', readOnly, tcp, extraArguments });
    servers.use(server);
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
