/** Where frames of Zstandard begin and end (RFC 8878, section 3.1), without decompressing them. */

/** A frame's magic number. */
const frameMagic = 0xfd2f_b528;
/** The first of sixteen magic numbers of frames whose content is to be skipped. */
const skippableMagic = 0x184d_2a50;

/** One frame. */
export interface ZstdFrame {
  /** First byte. */
  readonly at: number;
  /** First byte after it. */
  readonly end: number;
  /** Bytes that it has decompressed; `undefined` when its header does not say. */
  readonly contentBytes: number | undefined;
  readonly isSkippable: boolean;
}

/** A request for some bytes of the file. The answer is a view of exactly these bytes. */
export interface FrameBytes {
  readonly at: number;
  readonly length: number;
}

/**
 * Finds a frame's end by the headers of its blocks. It asks for the bytes that it needs, so that it works on memory and on files.
 *
 * @throws Error when there is no frame.
 */
export function* walkZstdFrame(at: number): Generator<FrameBytes, ZstdFrame, DataView> {
  const magic = (yield { at, length: 4 }).getUint32(0, true);
  if ((magic & 0xffff_fff0) >>> 0 === skippableMagic) {
    const length = (yield { at: at + 4, length: 4 }).getUint32(0, true);
    return { at, end: at + 8 + length, contentBytes: 0, isSkippable: true };
  }
  if (magic !== frameMagic) throw new Error(`no frame of Zstandard at byte ${at}`);
  const descriptor = (yield { at: at + 4, length: 1 }).getUint8(0);
  if ((descriptor & 8) !== 0) throw new Error(`a reserved bit is set in the frame at byte ${at}`);
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number;
  const sizeAt = at + 5 + (isSingle ? 0 : 1) + dictionaryBytes;
  const contentBytes = sizeBytes === 0 ? undefined : readSize(yield { at: sizeAt, length: sizeBytes }, sizeBytes);
  let block = sizeAt + sizeBytes;
  for (;;) {
    const view = yield { at: block, length: 3 };
    const header = view.getUint16(0, true) | (view.getUint8(2) << 16);
    const type = (header >>> 1) & 3;
    if (type === 3) throw new Error(`a block of a reserved type at byte ${block}`);
    // Type 1 is one byte that is repeated.
    block += 3 + (type === 1 ? 1 : header >>> 3);
    if ((header & 1) !== 0) break;
  }
  return { at, end: block + ((descriptor & 4) !== 0 ? 4 : 0), contentBytes, isSkippable: false };
}

function readSize(view: DataView, length: number): number {
  if (length === 1) return view.getUint8(0);
  if (length === 2) return view.getUint16(0, true) + 256;
  return length === 4 ? view.getUint32(0, true) : Number(view.getBigUint64(0, true));
}

/** Finds the frame that begins at a place in memory. @throws Error when there is none, or the memory ends within it. */
function zstdFrameAt(bytes: Uint8Array, at: number): ZstdFrame {
  const walk = walkZstdFrame(at);
  let step = walk.next();
  while (step.done !== true) {
    const { at: place, length } = step.value;
    if (place + length > bytes.length) throw new Error(`the frame at byte ${at} is cut off`);
    step = walk.next(new DataView(bytes.buffer, bytes.byteOffset + place, length));
  }
  if (step.value.end > bytes.length) throw new Error(`the frame at byte ${at} is cut off`);
  return step.value;
}

/**
 * The frames that are needed to fill `targetBytes`; what follows them is not looked at. Frames that are to be skipped are left out.
 *
 * @throws Error when the memory ends before, or a frame does not say how long its content is.
 */
export function zstdFramesFor(bytes: Uint8Array, targetBytes: number): readonly ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  for (let at = 0, filled = 0; filled < targetBytes; ) {
    const frame = zstdFrameAt(bytes, at);
    at = frame.end;
    if (frame.isSkippable) continue;
    frames.push(frame);
    // A frame without a size is taken to be the last one; its content is compared with what is expected afterwards.
    filled += frame.contentBytes ?? targetBytes - filled;
  }
  return frames;
}
