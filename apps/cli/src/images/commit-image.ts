/** What an image has changed goes into one below it. */
import { resolve } from 'node:path';
import { type CommitReport, commitQcow2, emptyQcow2 } from '@nbdjs/images/qcow2';
import type { BlockDevice } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import { openChain } from './chain.ts';
import { naming } from './named-error.ts';
import type { ChainOptions } from './options.ts';
import { identityOf } from './references.ts';

export interface CommitImageOptions extends ChainOptions {
  /** The image that is changed; `undefined`: the one right below. */
  readonly base?: string | undefined;
  /** The image itself keeps what it has. */
  readonly isKept: boolean;
}

/** What was done. */
export interface CommittedImage extends CommitReport {
  readonly base: string;
  /** The image itself has nothing of its own any more. */
  readonly isEmptied: boolean;
}

/** Commits an image. @throws UsageError where that is not possible. */
export async function commitImage(
  path: string,
  options: CommitImageOptions,
  signal: AbortSignal,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<CommittedImage> {
  const { base, isKept } = options;
  const wanted = base === undefined ? undefined : await identityOf(resolve(base));
  let below: { readonly device: BlockDevice; readonly path: string; readonly depth: number } | undefined;
  const chain = await openChain(path, options, signal, {
    isWanted: (id, depth) => (wanted === undefined ? depth === 2 : id === wanted),
    onOpen: (opened) => {
      below = opened;
    },
  });
  try {
    const { image } = chain;
    try {
      const found = below;
      if (found === undefined) {
        const why = base === undefined ? 'it is over no other image' : `it is not over ${base}`;
        throw argumentError(`${path}: ${why}`);
      }
      if (image.image.snapshots.length > 0) {
        throw argumentError(`${path}: it has snapshots, which would read something else over a changed image`);
      }
      const { depth, device } = found;
      const report = await naming(path, () => commitQcow2(image, device, { depth, signal, onProgress }));
      // Between the two there are images that do not fit any more: without its own content, this one would not either.
      const isEmptied = !isKept && depth === 2;
      if (isEmptied) await naming(path, async () => emptyQcow2(image, { signal }));
      return { ...report, base: found.path, isEmptied };
    } finally {
      await chain.close();
    }
  } finally {
    chain.release();
  }
}
