/** Opens an image step by step: what is compressed, archives, the disk in an image, a partition. */
import { openCompressed } from '@nbdjs/images/compressed';
import { nodeCodecs } from '@nbdjs/images/node';
import { probeImage } from '@nbdjs/images/probe';
import type { BlockDevice } from '@nbdjs/interfaces';
import type { FileDevice } from '@nbdjs/storage';
import { argumentError } from '../errors/argument-error.ts';
import { openMember } from './archive-members.ts';
import { type Choice, chooseFormat } from './choose-format.ts';
import { isCompression, unpackedName } from './formats.ts';
import { naming } from './named-error.ts';
import { openDisk } from './open-disk.ts';
import type { ImageOpening, ImagePart, OpenedFile } from './opening.ts';
import type { ImageOptions } from './options.ts';
import { openPartitionOf } from './partition.ts';
import { filesMax, identityOf } from './references.ts';
import { createStore } from './store.ts';

export { openPartitionOf } from './partition.ts';

/** A file that was opened and looked at. */
export interface ImageStart {
  readonly path: string;
  /** Of an archive. */
  readonly member: string | undefined;
  readonly file: FileDevice;
  readonly choice: Choice;
}

/** Archives and compression around each other. */
const depthMax = 8;

/** What one step is taken from. */
interface Place {
  readonly device: BlockDevice;
  /** For messages, and for what its end says about its format. */
  readonly name: string;
  readonly member: string | undefined;
  readonly choice: Choice;
  readonly steps: readonly string[];
  /** Of an image of a disk. */
  readonly parts?: readonly ImagePart[] | undefined;
}

/**
 * Opens an image. The device closes the file; when opening fails, the file stays open.
 *
 * @throws UsageError with the name of the image; errors of the system.
 */
export async function openImage(
  { path, member, file, choice }: ImageStart,
  options: ImageOptions,
  opening: ImageOpening,
): Promise<OpenedFile> {
  const walk = new Walk(path, options, opening);
  return await walk.from({ device: file, name: path, member, choice, steps: [] });
}

class Walk {
  readonly #path: string;
  readonly #options: ImageOptions;
  readonly #opening: ImageOpening;

  constructor(path: string, options: ImageOptions, opening: ImageOpening) {
    this.#path = path;
    this.#options = options;
    this.#opening = opening;
  }

  /** Goes as far as there are steps. What was opened on the way is closed when a step fails, the first device excepted. */
  async from(start: Place): Promise<OpenedFile> {
    let place = start;
    try {
      for (let depth = 0; ; depth++) {
        if (depth > depthMax) throw argumentError(`${this.#path}: more than ${depthMax} formats around each other`);
        const next = await naming(place.name, () => this.#step(place));
        if (next === undefined) break;
        place = next;
      }
      if (place.member !== undefined)
        throw argumentError(`${place.name}: it is no archive, and has no '${place.member}'`);
      return await openPartitionOf(place, this.#path, this.#options, this.#opening);
    } catch (error) {
      if (place.device !== start.device) await place.device.close();
      throw error;
    }
  }

  /** `undefined`: the end. */
  async #step(place: Place): Promise<Place | undefined> {
    const { choice, member, device, name, steps } = place;
    switch (choice.kind) {
      case 'raw':
        if (choice.warning !== undefined) this.#opening.warn(choice.warning);
        return undefined;
      case 'archive':
        return member === undefined ? undefined : await this.#openMember(place, choice.format, member);
      case 'compressed': {
        const { isStoreless, signal, note } = this.#opening;
        const store = isStoreless === true ? undefined : () => createStore(name, note);
        const content = await openCompressed(device, { codecs: nodeCodecs, store, signal });
        return this.#next({ device: content, name: unpackedName(name), member, steps: [...steps, choice.format] });
      }
      case 'disk': {
        if (member !== undefined) return undefined;
        if (choice.warning !== undefined) this.#opening.warn(choice.warning);
        const { disk, parts } = await this.#openDisk(place, choice);
        // What is in the disk is a machine's, and has no say in how it is read.
        const { snapshotName } = this.#options;
        const step = snapshotName === undefined ? choice.format : `${choice.format} snapshot ${snapshotName}`;
        return { device: disk, name, member, choice: { kind: 'raw' }, steps: [...steps, step], parts };
      }
    }
  }

  async #openMember({ device, name, steps }: Place, format: 'tar' | 'iso', wanted: string): Promise<Place> {
    const found = await openMember(device, format, wanted, this.#opening.signal);
    const step = `${format} member ${found.name}`;
    return this.#next({
      device: found.device,
      name: `${name}#${found.name}`,
      member: found.rest,
      steps: [...steps, step],
    });
  }

  /** Looks at what a step has brought. */
  async #next(place: Omit<Place, 'choice'>): Promise<Place> {
    try {
      const { format } = this.#options;
      const { member, name, device } = place;
      // A format that is given is that of the innermost; one of compression says that what comes out is raw.
      const given = member !== undefined ? undefined : format !== undefined && isCompression(format) ? 'raw' : format;
      const content = (await probeImage(device, { signal: this.#opening.signal })).format;
      return {
        ...place,
        choice: chooseFormat({ name, content, given, isReading: true, isArchive: member !== undefined }),
      };
    } catch (error) {
      await place.device.close();
      throw error;
    }
  }

  async #openDisk({ device, name, steps }: Place, choice: Extract<Choice, { kind: 'disk' }>) {
    const { snapshotName, references: policy = 'folder' } = this.#options;
    const { openFile, signal } = this.#opening;
    const isFile = !steps.some((step) => step.includes(' member '));
    const chain = new Map(isFile ? [[await identityOf(this.#path), this.#path]] : []);
    const path = isFile ? this.#path : undefined;
    const budget = { filesLeft: filesMax };
    const { isStated, format } = choice;
    const parts: ImagePart[] = [];
    // A file is opened for writing only where its format can be written.
    const isWriting = steps.length === 0 && !device.abilities.readOnly;
    const scope = { name, path, isStated, isWriting, policy, chain, budget, parts, openFile, signal };
    const disk = await openDisk(device, format, scope, snapshotName);
    parts.unshift({ kind: 'image', name, format, image: disk.image });
    return { disk, parts };
  }
}
