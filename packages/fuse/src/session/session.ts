/** The requests of the kernel, and their replies. */
import type { Clock, Offset } from '@nbdjs/interfaces';
import type { FileTree } from '../files/file-tree.ts';
import {
  AllocateMode,
  AttributeFlag,
  Errno,
  type ErrorNumber,
  Opcode,
  pageBytes,
  replyHeaderBytes,
  Whence,
} from '../protocol/numbers.ts';
import { directoryContent, ReplyWriter, writeHeader } from '../protocol/reply.ts';
import {
  allocateRequest,
  attributesRequest,
  initRequest,
  interruptRequest,
  Message,
  nameRequest,
  openRequest,
  type RequestHeader,
  readRequest,
  seekRequest,
  writeRequest,
} from '../protocol/request.ts';
import { agreement } from './agreement.ts';
import { DeviceRequests } from './device-requests.ts';
import { requestBytesMax, validSeconds } from './limits.ts';
import { isReading, openFlagsOf } from './open-file.ts';
import { ReplyMemories, type ReplyMemory } from './reply-memory.ts';

/** The way to the kernel. */
export interface SessionChannel {
  /** Sends a reply: the first `byteCount` of these bytes, which are free again when the call returns. */
  send(bytes: Uint8Array, byteCount: number): void;
  /** Asks for no more requests until `resume`. */
  pause(): void;
  resume(): void;
}

export interface SessionParts {
  readonly tree: FileTree;
  readonly channel: SessionChannel;
  readonly clock: Clock;
}

/** Answers a request, at once or later, or returns the number of an error. */
type Handler = (header: RequestHeader, message: Message) => ErrorNumber | undefined;

/**
 * Answers requests. What it does not know is answered by ENOSYS, and what is damaged by EINVAL: neither ends the session.
 */
export class FuseSession {
  readonly #tree: FileTree;
  readonly #channel: SessionChannel;
  readonly #writer = new ReplyWriter();
  readonly #memories = new ReplyMemories();
  readonly #requests: DeviceRequests;
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #architecture: string;
  #minor = 0;

  /** `architecture`: that of the machine, as `process.arch` has it: `O_DIRECT` has different numbers. */
  constructor({ tree, channel, clock }: SessionParts, architecture: string) {
    this.#tree = tree;
    this.#channel = channel;
    this.#architecture = architecture;
    this.#requests = new DeviceRequests({
      clock,
      fail: (unique, errorNumber) => this.#fail(unique, errorNumber),
      pause: () => channel.pause(),
      resume: () => channel.resume(),
    });
    this.#handlers = this.#createHandlers();
  }

  /** Answers one message of the kernel; the bytes are free again when the call returns. */
  receive(bytes: Uint8Array): void {
    const message = new Message(bytes);
    const header = message.header();
    // There is no number that a reply could carry. The kernel sends no such thing.
    if (header === undefined) return;
    const handler = this.#handlers.get(header.opcode);
    const errorNumber = handler === undefined ? Errno.ENOSYS : handler(header, message);
    if (errorNumber !== undefined) this.#fail(header.unique, errorNumber);
  }

  /** The kernel has gone: requests under way are not answered any more. */
  end(): void {
    this.#requests.abandonAll();
  }

  #createHandlers(): ReadonlyMap<number, Handler> {
    const refuse: Handler = () => Errno.EPERM;
    const done: Handler = ({ unique }) => this.#reply(this.#writer.done(unique));
    const ignore: Handler = () => undefined;
    const flush: Handler = (header) => this.#flush(header);
    return new Map<number, Handler>([
      [Opcode.Init, (header, message) => this.#init(header, message)],
      [Opcode.Lookup, (header, message) => this.#lookup(header, message)],
      [Opcode.GetAttributes, (header) => this.#getAttributes(header)],
      [Opcode.SetAttributes, (header, message) => this.#setAttributes(header, message)],
      [Opcode.Open, (header, message) => this.#open(header, message)],
      [Opcode.Read, (header, message) => this.#read(header, message)],
      [Opcode.Write, (header, message) => this.#write(header, message)],
      [Opcode.Seek, (header, message) => this.#seek(header, message)],
      [Opcode.Allocate, (header, message) => this.#allocate(header, message)],
      [Opcode.StatFilesystem, (header) => this.#statFilesystem(header)],
      [Opcode.ReadDirectory, (header, message) => this.#readDirectory(header, message)],
      [Opcode.OpenDirectory, ({ unique }) => this.#reply(this.#writer.opened(unique, 0, 0))],
      [Opcode.Flush, flush],
      [Opcode.Sync, flush],
      [Opcode.SyncFilesystem, flush],
      [Opcode.Release, (header) => this.#release(header)],
      [Opcode.ReleaseDirectory, done],
      [Opcode.SyncDirectory, done],
      [Opcode.Destroy, done],
      // These have no reply.
      [Opcode.Forget, ignore],
      [Opcode.BatchForget, ignore],
      [Opcode.Interrupt, (_, message) => this.#interrupt(message)],
      // There are the files that there are.
      ...[Opcode.Symlink, Opcode.MakeNode, Opcode.MakeDirectory, Opcode.Unlink, Opcode.RemoveDirectory].map(
        (opcode) => [opcode, refuse] as const,
      ),
      ...[Opcode.Rename, Opcode.Rename2, Opcode.Link, Opcode.Create, Opcode.TemporaryFile].map(
        (opcode) => [opcode, refuse] as const,
      ),
    ]);
  }

  #init({ unique }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = initRequest(message);
    const reply = request === undefined ? undefined : agreement(request);
    if (reply === undefined) return Errno.EPROTO;
    this.#minor = reply.minor;
    return this.#reply(this.#writer.init(unique, reply));
  }

  #lookup({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const name = nameRequest(message);
    if (name === undefined) return Errno.EINVAL;
    if (this.#tree.file(node) !== undefined) return Errno.ENOTDIR;
    const found = this.#tree.lookup(name);
    if (found === undefined) return Errno.ENOENT;
    return this.#reply(this.#writer.entry(unique, this.#tree.attributes(found), validSeconds));
  }

  #getAttributes({ unique, node }: RequestHeader): ErrorNumber | undefined {
    if (!this.#tree.has(node)) return Errno.ENOENT;
    return this.#reply(this.#writer.attributes(unique, this.#tree.attributes(node), validSeconds));
  }

  /**
   * The size stays what it is. To take an `O_TRUNC` and do nothing, as block devices do, would be dangerous: a program that sees a plain file
   * skips zeroes after it.
   */
  #setAttributes({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = attributesRequest(message);
    const file = this.#tree.file(node);
    if (request === undefined) return Errno.EINVAL;
    const { valid, size, modifiedSeconds, modifiedNanoseconds } = request;
    if ((valid & (AttributeFlag.Mode | AttributeFlag.User | AttributeFlag.Group)) !== 0 || file === undefined) {
      return Errno.EPERM;
    }
    if ((valid & AttributeFlag.Size) !== 0 && BigInt(size) !== BigInt(file.size)) {
      return file.isReadOnly ? Errno.EROFS : Errno.EPERM;
    }
    if ((valid & AttributeFlag.ModificationTimeNow) !== 0) file.modifiedMs = Date.now();
    else if ((valid & AttributeFlag.ModificationTime) !== 0) {
      file.modifiedMs = Number(modifiedSeconds) * 1000 + modifiedNanoseconds / 1e6;
    }
    return this.#reply(this.#writer.attributes(unique, this.#tree.attributes(node), validSeconds));
  }

  #open({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const flags = openRequest(message);
    const file = this.#tree.file(node);
    if (flags === undefined) return Errno.EINVAL;
    if (file === undefined) return this.#tree.has(node) ? Errno.EISDIR : Errno.ENOENT;
    if (!isReading(flags) && file.isReadOnly) return Errno.EROFS;
    return this.#reply(this.#writer.opened(unique, 0, openFlagsOf(flags, this.#minor, this.#architecture)));
  }

  #read({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = readRequest(message);
    const file = this.#tree.file(node);
    if (request === undefined || request.length > requestBytesMax) return Errno.EINVAL;
    if (file === undefined) return Errno.EISDIR;
    const { offset } = request;
    const length = file.within(offset, request.length);
    if (length === 0) return this.#reply(this.#writer.done(unique));
    let memory: ReplyMemory | undefined;
    const provide = (): Uint8Array => {
      memory = this.#memories.take(length);
      return memory.bytes.subarray(replyHeaderBytes, replyHeaderBytes + length);
    };
    this.#requests.run({
      unique,
      byteCount: length,
      isHarmless: true,
      act: () => file.read(offset, length, provide),
      reply: () => {
        const { view, bytes } = memory as ReplyMemory;
        this.#channel.send(bytes, writeHeader(view, unique, length));
      },
      release: () => {
        if (memory !== undefined) this.#memories.giveBack(memory);
      },
    });
    return undefined;
  }

  #write({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = writeRequest(message);
    const file = this.#tree.file(node);
    if (request === undefined) return Errno.EINVAL;
    if (file === undefined || file.isReadOnly) return file === undefined ? Errno.EISDIR : Errno.EROFS;
    const { offset, bytes } = request;
    const length = file.within(offset, bytes.length);
    // As at the end of a disk: what fits is written, and then there is no room.
    if (length === 0 && bytes.length > 0) return Errno.ENOSPC;
    const memory = this.#memories.take(length);
    const source = memory.bytes.subarray(0, length);
    source.set(bytes.length === length ? bytes : bytes.subarray(0, length));
    this.#requests.run({
      unique,
      byteCount: length,
      isHarmless: false,
      act: () => file.write(offset, source),
      reply: () => this.#reply(this.#writer.written(unique, length)),
      release: () => this.#memories.giveBack(memory),
    });
    return undefined;
  }

  #seek({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = seekRequest(message);
    const file = this.#tree.file(node);
    if (request === undefined || file === undefined) return Errno.EINVAL;
    const { offset, whence } = request;
    if (whence !== Whence.Data && whence !== Whence.Hole) return Errno.EINVAL;
    if (file.within(offset, 1) === 0) return Errno.ENXIO;
    let found: Offset | undefined;
    this.#requests.run({
      unique,
      byteCount: 0,
      isHarmless: true,
      act: async () => {
        found = await file.seek(offset, whence === Whence.Data ? 'data' : 'hole');
      },
      reply: () => {
        if (found === undefined) this.#fail(unique, Errno.ENXIO);
        else this.#reply(this.#writer.sought(unique, found));
      },
    });
    return undefined;
  }

  #allocate({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = allocateRequest(message);
    const file = this.#tree.file(node);
    if (request === undefined || file === undefined) return Errno.EINVAL;
    if (file.isReadOnly) return Errno.EROFS;
    const { offset, length, mode } = request;
    const kind = mode & ~AllocateMode.KeepSize;
    const isHole = kind === AllocateMode.PunchHole;
    if ((!isHole && kind !== AllocateMode.ZeroRange) || !file.canZero) return Errno.EOPNOTSUPP;
    const left = BigInt(file.size) - BigInt(offset);
    // A longer file would follow.
    const isLonger = left < BigInt(length);
    if (isLonger && (mode & AllocateMode.KeepSize) === 0) return Errno.ENOSPC;
    if (left <= 0n) return this.#reply(this.#writer.done(unique));
    this.#requests.run({
      unique,
      byteCount: 0,
      isHarmless: false,
      act: () => file.zero(offset, isLonger ? left : length, isHole),
      reply: () => this.#reply(this.#writer.done(unique)),
    });
    return undefined;
  }

  #flush({ unique, node }: RequestHeader): ErrorNumber | undefined {
    const file = this.#tree.file(node);
    const files = file === undefined ? this.#tree.files : [file];
    this.#requests.run({
      unique,
      byteCount: 0,
      isHarmless: true,
      act: async () => {
        for (const one of files) await one.flush();
      },
      reply: () => this.#reply(this.#writer.done(unique)),
    });
    return undefined;
  }

  /** The file is closed, and nobody waits. If the flush fails, the next one has it to do again, and reports it. */
  #release({ unique, node }: RequestHeader): undefined {
    this.#tree
      .file(node)
      ?.flush()
      .catch(() => {});
    return this.#reply(this.#writer.done(unique));
  }

  #statFilesystem({ unique }: RequestHeader): ErrorNumber | undefined {
    const { files } = this.#tree;
    const bytes = files.reduce((sum, { size }) => sum + BigInt(size), 0n);
    const blocks = (bytes + BigInt(pageBytes) - 1n) / BigInt(pageBytes);
    return this.#reply(this.#writer.filesystem(unique, blocks, pageBytes, files.length));
  }

  #readDirectory({ unique, node }: RequestHeader, message: Message): ErrorNumber | undefined {
    const request = readRequest(message);
    if (request === undefined || request.length > requestBytesMax) return Errno.EINVAL;
    if (this.#tree.file(node) !== undefined) return Errno.ENOTDIR;
    const content = directoryContent(this.#tree.entries, Number(request.offset), request.length);
    const memory = this.#memories.take(content.length);
    memory.bytes.set(content, replyHeaderBytes);
    this.#channel.send(memory.bytes, writeHeader(memory.view, unique, content.length));
    this.#memories.giveBack(memory);
    return undefined;
  }

  #interrupt(message: Message): undefined {
    const unique = interruptRequest(message);
    if (unique !== undefined) this.#requests.interrupt(Number(unique));
  }

  #fail(unique: number, errorNumber: ErrorNumber): void {
    this.#channel.send(this.#writer.bytes, this.#writer.error(unique, errorNumber));
  }

  /** Sends what the writer has, so that handlers that answer at once can end with it. */
  #reply(byteCount: number): undefined {
    this.#channel.send(this.#writer.bytes, byteCount);
  }
}
