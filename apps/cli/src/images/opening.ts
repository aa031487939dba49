/** What opening a file takes, and what it gives. */
import type { ImageFacts, ImageReference } from '@nbdjs/images';
import type { BlockDevice } from '@nbdjs/interfaces';
import type { FileDevice } from '@nbdjs/storage';
import type { Terminal } from '../terminal.ts';

/** What opening needs from a command. */
export interface ImageOpening {
  /** The command will not write. */
  readonly isReading: boolean;
  /** Opens a file. What is opened belongs to the caller. */
  readonly openFile: (path: string, readOnly: boolean) => Promise<FileDevice>;
  /** Says something to the user that is good to know. */
  readonly note: (text: string) => void;
  /** Says something to the user that may be wrong. */
  readonly warn: (text: string) => void;
  /** There is no room for what can only be decompressed from its start. */
  readonly isStoreless?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A file, opened. */
export interface OpenedFile {
  readonly device: BlockDevice;
  /** How the bytes of the file became the device, such as `qcow2` and `partition 2`; empty for a file as it is. */
  readonly steps: readonly string[];
  /** The files of an image: itself first, and then those that it refers to. */
  readonly parts?: readonly ImagePart[] | undefined;
}

/** A file that an image consists of. */
export interface ImagePart {
  readonly kind: 'image' | ImageReference['kind'];
  readonly name: string;
  readonly format: string;
  /** What it says about itself, where it is an image. */
  readonly image?: ImageFacts | undefined;
}

/** What is said of images, on a terminal. */
export function imageNotes(terminal: Terminal, isQuiet = false): Pick<ImageOpening, 'note' | 'warn' | 'signal'> {
  return {
    note: (text) => (isQuiet ? undefined : terminal.note(`nbd: ${text}`)),
    warn: (text) => terminal.note(`nbd: warning: ${text}`),
    signal: terminal.signal,
  };
}
