/** Opens the two sides of a copy that the operands name. */
import { stat } from 'node:fs/promises';
import type { NbdClient } from '@nbdjs/client';
import { type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { createNullDevice, createSliceLayer, openFileDevice } from '@nbdjs/storage';
import { type Connecting, openServer } from '../../connecting/open-server.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { splitMember } from '../../images/image-path.ts';
import { loadImages } from '../../images/load.ts';
import { openFileOperand } from '../../images/open-file.ts';
import { imageNotes } from '../../images/opening.ts';
import type { ImageOptions } from '../../images/options.ts';
import { loadObjects } from '../../objects/load.ts';
import type { TargetDiskOptions } from '../../objects/options.ts';
import { describeOperand, type Operand, type ServerOperand } from '../../options/operand.ts';
import type { RangeOptions } from '../../options/range.ts';
import type { Terminal } from '../../terminal.ts';
import type { BackupOrigin } from './backup.ts';
import { type ByteSource, byteSource, byteTarget, descriptorOf } from './byte-streams.ts';
import type { CopyOptions } from './command.ts';
import { destinationFormat } from './destination-format.ts';
import { emptyFile, isFileDescriptor, isStreamPath, positionOf, requireNoPartOf } from './file-sides.ts';
import { sendLongRequest } from './long-request.ts';
import { openImageTarget } from './open-image-target.ts';
import type { Qcow2TargetOptions } from './qcow2-target.ts';
import { withRetries } from './retries.ts';
import type { DeviceSide, SourceSide, StreamSource, TargetSide } from './side.ts';
import { openEarlierCopy, partOf } from './source-part.ts';

/** The options that opening depends on. */
export interface SideOptions extends Connecting, ImageOptions, TargetDiskOptions, RangeOptions, Qcow2TargetOptions {
  /** Whether the map of a source is used. */
  readonly extents: boolean;
  /** Whether the destination is read, too. */
  readonly verify?: boolean | undefined;
  readonly destinationIsZero?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** The metadata context of a source that marks what is copied. */
  readonly changed?: string | undefined;
  /** Bytes of a source that are read in a second, at most. */
  readonly rate?: number | undefined;
  /** The format of a destination that is written as an image. */
  readonly destinationFormat?: CopyOptions['destinationFormat'];
  /** Of a file of changes: what it says about itself. */
  readonly backup?: BackupOrigin | undefined;
}

/** A device that is open, some of which can be ended at once. */
type OpenDevice = BlockDevice & { destroy?(cause?: Error): void };

/** Opens sides, and closes all of them again. */
export class Sides {
  readonly #options: SideOptions;
  /** Whether the destination file, if there is one, holds a part of the copy. */
  readonly #isResumed: boolean;
  readonly #terminal: Terminal;
  /** The main thread has the same open. */
  readonly #isThread: boolean;
  readonly #opened: OpenDevice[] = [];
  readonly #sources: ByteSource[] = [];

  constructor(options: SideOptions, isResumed: boolean, terminal: Terminal, isThread = false) {
    this.#isThread = isThread;
    this.#options = options;
    this.#isResumed = isResumed;
    this.#terminal = terminal;
  }

  /** Opens a source, or the part of it that the options choose, as quick as they allow. `format`: of a file, in place of that of the options. */
  async openSource(operand: Operand, format = this.#options.format): Promise<SourceSide> {
    const side = await this.#openWholeSource(operand, format);
    const { offset, length, rate } = this.#options;
    if (offset === undefined && length === undefined && rate === undefined) return side;
    if (side.type !== 'device') throw argumentError('--offset, --length and --rate need a source that is not a stream');
    return partOf(side, this.#options);
  }

  async #openWholeSource(operand: Operand, format: ImageOptions['format']): Promise<SourceSide> {
    switch (operand.type) {
      case 'uri':
      case 'command':
        return this.#partitionOf(await this.#openServer(operand, this.#sourceContexts()));
      case 'stdio':
        return this.#openDescriptor(0, '-');
      case 'file': {
        const fd = descriptorOf(operand.path);
        if (fd !== undefined) return this.#openDescriptor(fd, operand.path);
        if (await isStreamPath(operand.path)) return this.#openStream(operand.path);
        return this.#openSourceImage(operand.path, format);
      }
      case 'disk': {
        const { openDiskForReading } = await loadObjects();
        const device = this.#keep(await openDiskForReading(operand, this.#options, this.#terminal));
        const side = {
          type: 'device',
          device: withRetries(device, this.#options, this.#terminal),
          name: operand.word,
          isZero: false,
        } as const;
        return this.#partitionOf(side);
      }
      case 'null':
        throw argumentError("'null:' can only be the destination");
    }
  }

  /** A map that is not used is not asked for. */
  #sourceContexts(): readonly string[] {
    const { extents, changed } = this.#options;
    return [...(extents ? [baseAllocation] : []), ...(changed === undefined ? [] : [changed])];
  }

  async openDestination(operand: Operand, from: SourceSide): Promise<TargetSide> {
    const format = destinationFormat(operand, this.#options.destinationFormat);
    if (format !== 'raw') return openImageTarget(operand, format, from, this.#options, this.#terminal);
    switch (operand.type) {
      case 'uri':
      case 'command':
        return this.#openServer(operand, this.#options.verify === true ? [baseAllocation] : []);
      case 'stdio':
        return { type: 'stream', target: await byteTarget(1, this.#terminal) };
      case 'disk': {
        const { openTargetDisk } = await loadObjects();
        const size = from.type === 'device' ? from.device.geometry.size : undefined;
        const { device, isNew, grow, settleSize } = await openTargetDisk(operand, size, this.#options, this.#terminal);
        const retried = withRetries(this.#keep(device), this.#options, this.#terminal);
        return { type: 'device', device: retried, name: operand.word, isZero: isNew, grow, settleSize };
      }
      case 'null':
        return { type: 'device', device: this.#keep(createNullDevice()), name: 'null:', isZero: true };
      case 'file': {
        const of = descriptorOf(operand.path) ?? operand.path;
        const isPlain = typeof of === 'string' && !(await isStreamPath(of));
        if (!isPlain) return { type: 'stream', target: await byteTarget(of, this.#terminal) };
        return this.#openTargetFile(operand.path, from);
      }
    }
  }

  /** A descriptor that is a file can be read like a file, from its current position. */
  async #openDescriptor(fd: number, name: string): Promise<SourceSide> {
    if (process.platform !== 'linux' || !isFileDescriptor(fd)) return this.#openStream(fd);
    let side: DeviceSide;
    try {
      side = await this.#openSourceFile(`/proc/self/fd/${fd}`, name);
    } catch {
      // The program that has opened it may have been allowed to do more.
      return this.#openStream(fd);
    }
    const position = await positionOf(fd);
    if (position === 0n) return side;
    const { size } = side.device.geometry;
    const offset = position < size ? position : size;
    return { ...side, device: createSliceLayer(side.device, { offset }) };
  }

  async #openStream(of: number | string): Promise<StreamSource> {
    const source = await byteSource(of, this.#terminal);
    this.#sources.push(source);
    return { type: 'stream', source };
  }

  /** Closes everything in good order. Rejects with what goes wrong. */
  async close(): Promise<void> {
    for (const device of this.#opened) await device.close();
  }

  /** Ends everything now; requests in flight fail. */
  destroy(cause?: Error): void {
    for (const source of this.#sources) source.close();
    for (const device of this.#opened) device.destroy?.(cause);
  }

  #keep<Device extends OpenDevice>(device: Device): Device {
    this.#opened.push(device);
    return device;
  }

  async #openServer(operand: ServerOperand, contexts: readonly string[]): Promise<DeviceSide> {
    // A copy always has other requests to work on: staying awake for a reply would only cost processor time.
    const busyPollMs = 0;
    const client: NbdClient = await openServer(operand, this.#options, this.#terminal, { contexts, busyPollMs });
    this.#keep(client);
    const canHaveSeveral = operand.type === 'uri' && client.abilities.multiConn;
    const isLocal = operand.type === 'uri' && /^nbds?\+unix:/i.test(operand.uri);
    await sendLongRequest(client, isLocal ? 'local' : 'distant');
    return {
      type: 'device',
      device: withRetries(client, this.#options, this.#terminal),
      name: describeOperand(operand),
      isZero: false,
      setConnections: canHaveSeveral ? (connections) => client.widen(connections) : undefined,
      connections: () => client.statistics.connections,
    };
  }

  async #openSourceFile(path: string, name = path): Promise<DeviceSide> {
    const device = this.#keep(await openFileDevice(path, { readOnly: true }));
    return {
      type: 'device',
      device: withRetries(device, this.#options, this.#terminal),
      name,
      isZero: false,
      stats: await stat(path),
    };
  }

  /** A file, or the disk in an image. */
  async #openSourceImage(path: string, format: ImageOptions['format']): Promise<DeviceSide> {
    const {
      device,
      steps,
      parts = [],
    } = await openFileOperand(path, format === undefined ? this.#options : { ...this.#options, format }, {
      isReading: true,
      openFile: (file, readOnly) => openFileDevice(file, { readOnly }),
      isStoreless: this.#isThread,
      ...this.#imageNotes(),
    });
    this.#keep(device);
    const stats = await stat(splitMember(path).path);
    const otherStats = await Promise.all(parts.slice(1).map((part) => stat(part.name)));
    const side = { device: withRetries(device, this.#options, this.#terminal), name: path, steps, stats, otherStats };
    return { type: 'device', ...side, isZero: false };
  }

  /** The partition of a server's disk that is asked for, or the whole disk. */
  async #partitionOf(side: DeviceSide): Promise<DeviceSide> {
    if (this.#options.partition === undefined) return side;
    const { openPartitionOf } = await loadImages();
    const { name, device } = side;
    const disk = { device, steps: [] };
    return { ...side, ...(await openPartitionOf(disk, name, this.#options, { signal: this.#terminal.signal })) };
  }

  /** With `--quiet`, nothing is said but errors. */
  #imageNotes(): ReturnType<typeof imageNotes> {
    const notes = imageNotes(this.#terminal, this.#options.quiet);
    return this.#options.quiet === true ? { ...notes, warn: notes.note } : notes;
  }

  async #openTargetFile(path: string, from: SourceSide): Promise<DeviceSide> {
    if (this.#options.changed !== undefined) return openEarlierCopy(path, (device) => this.#keep(device));
    const isResumed = this.#isResumed;
    // It becomes as long as the source; and where it is to count as zeroes, it has to be zero.
    const size = from.type === 'device' ? from.device.geometry.size : 0n;
    await requireNoPartOf(from, path);
    if (this.#options.destinationIsZero === true && !isResumed) await emptyFile(path, from);
    const device = this.#keep(await openFileDevice(path, { create: !isResumed, size, truncate: true }));
    const { resizing } = device;
    const grow =
      from.type === 'stream' && resizing !== undefined ? async (next: bigint) => resizing.resize(next) : undefined;
    return {
      type: 'device',
      device: withRetries(device, this.#options, this.#terminal),
      name: path,
      isZero: device.isNew || grow !== undefined,
      stats: await stat(path),
      grow,
    };
  }
}
