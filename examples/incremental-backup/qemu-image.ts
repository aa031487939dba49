/** A qcow2 image that no machine uses at the moment: QEMU's tools serve it, and keep its bitmaps. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect, type NbdClient } from '@nbdjs/client';

const run = promisify(execFile);

export class QemuImage {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static async create(path: string, sizeBytes: number): Promise<QemuImage> {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, String(sizeBytes)]);
    return new QemuImage(path);
  }

  /** Starts a server for the image, which ends with the client. With a bitmap, the client can ask for what has changed. */
  async open({
    readOnly = true,
    bitmap,
  }: {
    readonly readOnly?: boolean;
    readonly bitmap?: string;
  } = {}): Promise<NbdClient> {
    const options = [...(readOnly ? ['--read-only'] : []), ...(bitmap === undefined ? [] : [`--bitmap=${bitmap}`])];
    const contexts = ['base:allocation', ...(bitmap === undefined ? [] : [contextOf(bitmap)])];
    return await connect({ command: ['qemu-nbd', '--format=qcow2', ...options, this.path] }, { contexts });
  }

  /** Changes a bitmap of the image. One that is added is recording at once. */
  async bitmap(action: 'add' | 'remove' | 'enable' | 'disable', name: string): Promise<void> {
    await run('qemu-img', ['bitmap', `--${action}`, '-f', 'qcow2', this.path, name]);
  }
}

/** The metadata context in which QEMU shows a bitmap. Status 1 means: written since the bitmap was added. */
export function contextOf(bitmap: string): string {
  return `qemu:dirty-bitmap:${bitmap}`;
}
