/** What opening an image of any format takes besides the file, and the files that an image refers to. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { Codecs } from '../codecs/codecs.ts';
import { quoted } from '../image-errors.ts';
import type { ImageReference, ImageResolver } from '../image-reference.ts';

/** The options of every format; each takes those that it needs. */
export const openingOptions = {
  /** Opens the files that the image refers to. Without it, an image that does is refused. @default no other file may be opened */
  resolve: option.callback<ImageResolver>({
    defaultText: 'no other file may be opened',
    doc: 'Opens the files that the image refers to. Without it, an image that does is refused.',
  }),
  /** The name of the image, for the references that it makes. */
  name: option.text({ doc: 'The name of the image, for the references that it makes.' }),
  /** How much of the image's tables is kept in memory, in bytes. @default 8 MiB */
  cacheBytes: option.bytes({
    default: 8 * 2 ** 20,
    least: 65_536,
    doc: "How much of the image's tables is kept in memory.",
  }),
  /** Ends the opening when it is aborted. */
  signal: option.signal({ doc: 'Ends the opening when it is aborted.' }),
} as const;

/** The option of formats with compressed parts. */
export const codecsOption = option.object<Codecs>({
  defaultText: 'none: images with compressed parts are refused',
  doc: 'How compressed parts are inflated.',
});

/** The options of formats without compressed parts. */
export const plainOpeningOptions = defineOptions(openingOptions);

/** How an image without compressed parts is opened. */
export interface PlainOpeningOptions extends OptionsOf<typeof plainOpeningOptions>, Abortable {}

/** Opens what an image refers to, and closes all of it again where opening fails. */
export class References {
  readonly #resolve: ImageResolver | undefined;
  readonly #from: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #opened: BlockDevice[] = [];

  constructor(
    options: { readonly resolve?: ImageResolver | undefined; readonly name?: string | undefined } & Abortable,
  ) {
    this.#resolve = options.resolve;
    this.#from = options.name;
    this.#signal = options.signal;
  }

  /** All that was opened so far. */
  get opened(): readonly BlockDevice[] {
    return this.#opened;
  }

  /** @throws UsageError `ERR_NBD_NOT_SUPPORTED` without a resolver, and what the resolver throws. */
  async open(kind: ImageReference['kind'], name: string, format: string | undefined): Promise<BlockDevice> {
    if (this.#resolve === undefined) {
      const message = `the image refers to ${inWords[kind]} ${quoted(name)}, and no option 'resolve' says how it is opened`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
    }
    this.#signal?.throwIfAborted();
    const device = await this.#resolve({ kind, name, format, from: this.#from });
    this.#opened.push(device);
    return device;
  }

  /** Runs the opening of an image; what it has opened is closed when it fails. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      // The failure of the opening is what counts; one of closing would hide it.
      await Promise.allSettled(this.#opened.map((device) => device.close()));
      throw error;
    }
  }
}

const inWords: Readonly<Record<ImageReference['kind'], string>> = {
  backing: 'the parent image',
  data: 'the data file',
  extent: 'the extent',
};

/** A format's facts that most images do not have. */
export const noFacts = {
  version: undefined,
  clusterBytes: undefined,
  compression: undefined,
  encryption: undefined,
  backing: undefined,
  dataFiles: [],
  snapshots: [],
  bitmaps: [],
  flags: [],
  details: {},
} as const;
