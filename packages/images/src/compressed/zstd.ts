/** The frames of a Zstandard file: by the seek table at its end, or by walking from frame to frame. */
import { walkZstdFrame, type ZstdFrame } from '../codecs/zstd-frames.ts';
import { type ImageFile, readStructure } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import { PieceList } from './pieces.ts';

const seekTableMagic = 0x8f92_eab1;
const skippableMagic = 0x184d_2a5e;
const seekFooterBytes = 9;
/** More than the format itself allows. */
const seekFramesMax = 2 ** 27;
const seekTableBytesMax = 64 * 2 ** 20;
const windowBytes = 65_536;

/** Where the frames are. */
export interface ZstdFrames {
  /** `undefined`: a frame does not say how long its content is, so that the file can be read from its start only. */
  readonly pieces: PieceList | undefined;
  /** There is a seek table. */
  readonly hasSeekTable: boolean;
}

/** Finds the frames. @throws UsageError `ERR_NBD_IMAGE` when the file is damaged or cut off. */
export async function readZstdFrames(file: ImageFile, signal: AbortSignal | undefined): Promise<ZstdFrames> {
  const pieces = await readSeekTable(file, signal);
  if (pieces !== undefined) return { pieces, hasSeekTable: true };
  return { pieces: await walkFrames(file, signal), hasSeekTable: false };
}

/** The seek table is the content of a frame that others skip ("Zstandard Seekable Format"). */
async function readSeekTable(file: ImageFile, signal: AbortSignal | undefined): Promise<PieceList | undefined> {
  if (file.size < seekFooterBytes + 8) return undefined;
  const footer = await readStructure(file, 'the end of the file', file.size - seekFooterBytes, seekFooterBytes, signal);
  const end = new DataView(footer.buffer);
  if (end.getUint32(5, true) !== seekTableMagic) return undefined;
  const count = end.getUint32(0, true);
  const hasChecksums = (end.getUint8(4) & 0x80) !== 0;
  const entryBytes = hasChecksums ? 12 : 8;
  const tableBytes = count * entryBytes;
  const place = `the seek table of ${count} frames`;
  if (count > seekFramesMax || tableBytes > seekTableBytesMax) throw damagedImage(place, `it has ${tableBytes} bytes`);
  const at = file.size - seekFooterBytes - tableBytes - 8;
  const bytes = await readStructure(file, place, at, tableBytes + 8, signal);
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, true) !== skippableMagic || view.getUint32(4, true) !== tableBytes + seekFooterBytes) {
    throw damagedImage(place, `there is no frame for it at byte ${at}`);
  }
  const pieces = new PieceList();
  let packed = 0;
  for (let index = 0; index < count; index++) {
    const packedBytes = view.getUint32(8 + index * entryBytes, true);
    pieces.add(packed, packedBytes, view.getUint32(12 + index * entryBytes, true));
    packed += packedBytes;
  }
  if (packed !== at) throw damagedImage(place, `its frames end at byte ${packed}, expected ${at}`);
  return pieces;
}

/** Goes over the whole file, but reads only the headers of blocks. */
async function walkFrames(file: ImageFile, signal: AbortSignal | undefined): Promise<PieceList | undefined> {
  const pieces = new PieceList();
  const window = new ReadWindow(file, signal);
  let isComplete = true;
  for (let at = 0; at < file.size; ) {
    const frame = await walkFrame(file, window, at);
    if (frame.end > file.size) throw damagedImage(`the frame at byte ${at}`, 'the file ends within it');
    if (frame.contentBytes === undefined) isComplete = false;
    else if (!Number.isSafeInteger(pieces.contentBytes + frame.contentBytes)) {
      throw damagedImage(`the frame at byte ${at}`, `its content has ${frame.contentBytes} bytes`);
    } else if (!frame.isSkippable) pieces.add(at, frame.end - at, frame.contentBytes);
    at = frame.end;
  }
  return isComplete ? pieces : undefined;
}

async function walkFrame(file: ImageFile, window: ReadWindow, at: number): Promise<ZstdFrame> {
  const walk = walkZstdFrame(at);
  const place = `the frame at byte ${at}`;
  const go = (view?: DataView) => {
    try {
      return view === undefined ? walk.next() : walk.next(view);
    } catch (error) {
      throw damagedImage(place, error instanceof Error ? error.message : String(error));
    }
  };
  let step = go();
  while (step.done !== true) {
    const { at: wanted, length } = step.value;
    if (wanted + length > file.size) throw damagedImage(place, 'the file ends within it');
    step = go(await window.view(wanted, length));
  }
  return step.value;
}

/** A part of the file that moves forward. */
class ReadWindow {
  readonly #file: ImageFile;
  readonly #signal: AbortSignal | undefined;
  readonly #bytes = new Uint8Array(windowBytes);
  #start = 0;
  #end = 0;

  constructor(file: ImageFile, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  async view(at: number, length: number): Promise<DataView> {
    if (at < this.#start || at + length > this.#end) {
      this.#start = at;
      this.#end = Math.min(this.#file.size, at + windowBytes);
      await this.#file.read(at, this.#bytes.subarray(0, this.#end - at), this.#signal);
    }
    return new DataView(this.#bytes.buffer, at - this.#start, length);
  }
}
