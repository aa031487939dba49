/** A qcow2 image that no machine uses at the moment: QEMU's tools serve it, and keep its bitmaps. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect, type NbdClient } from '@nbdjs/client';
import { runCommand } from '@nbdjs/transport';

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

  /**
   * Starts a server for the image, and ends it when `work` has ended: QEMU lets one program at a time have an image. With a bitmap, the client
   * can ask for what has changed.
   */
  async use<Result>(
    work: (disk: NbdClient) => Promise<Result>,
    { readOnly = true, bitmap }: { readonly readOnly?: boolean; readonly bitmap?: string } = {},
  ): Promise<Result> {
    const options = [...(readOnly ? ['--read-only'] : []), ...(bitmap === undefined ? [] : [`--bitmap=${bitmap}`])];
    const contexts = ['base:allocation', ...(bitmap === undefined ? [] : [contextOf(bitmap)])];
    const command = ['qemu-nbd', '--format=qcow2', ...options, this.path] as const;
    const server = await runCommand({ command: [...command], mode: 'socket-activation' });
    try {
      const disk = await connect({ name: command.join(' '), open: (how) => server.connect(how) }, { contexts });
      return await work(disk).finally(() => disk.close());
    } finally {
      await server.dispose();
    }
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
