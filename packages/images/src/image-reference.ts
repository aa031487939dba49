/** What an image says about the other files that it needs. */
import type { BlockDevice } from '@nbdjs/interfaces';

/** A file that an image refers to. It is what the image says, which may be hostile: the resolver decides what is opened. */
export interface ImageReference {
  /** `backing`: what the image was made over. `data`: where a qcow2 image keeps its clusters. `extent`: a piece of a VMDK. */
  readonly kind: 'backing' | 'data' | 'extent';
  /** The name as it is written in the image. */
  readonly name: string;
  /** The format that the image says the file has; `undefined` when it says none, and then nothing but `raw` is safe without being told. */
  readonly format: string | undefined;
  /** The name of the image that refers to it, where the opener was told one. */
  readonly from: string | undefined;
}

/**
 * Opens what an image refers to. The device that it returns belongs to the image, which closes it.
 *
 * It has to decide whether the name may be opened at all, and in which format: an image comes from anywhere, and names what it likes.
 */
export type ImageResolver = (reference: ImageReference) => BlockDevice | Promise<BlockDevice>;
