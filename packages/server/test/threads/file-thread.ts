/** A thread that serves a file, and can be made to misbehave by the name of the export. */
import { openFileDevice } from '@nbdjs/storage';
import { adoptDescriptor, serverTls, type TlsServerSettings } from '@nbdjs/transport';
import { serveThread } from '../../src/index.ts';

export interface FileThreadData {
  readonly path: string;
  readonly tls?: TlsServerSettings;
  /** The devices of all threads are announced as one storage. */
  readonly isShared?: boolean;
  /** What `open` throws. */
  readonly failure?: string;
  readonly isResizable?: boolean;
}

serveThread<FileThreadData>({
  adopt: adoptDescriptor,
  async open({ path, tls, isShared = true, failure, isResizable }, { thread }) {
    if (failure !== undefined && thread === 1) throw new Error(failure);
    const device = await openFileDevice(path);
    return {
      exports: {
        '': device,
        disk: isResizable === true ? { device, resizable: true } : device,
        // A device whose defect ends the thread, and one that keeps it busy for ever.
        deadly: {
          device: wrapped(device, () =>
            setImmediate(() => {
              throw new Error('a defect in a device');
            }),
          ),
        },
        busy: {
          device: wrapped(device, () => {
            for (;;);
          }),
        },
      },
      sharesStorage: isShared,
      ...(tls === undefined ? {} : { tls: serverTls(tls) }),
      close: () => device.close(),
    };
  },
});

type Device = Awaited<ReturnType<typeof openFileDevice>>;

function wrapped(device: Device, misbehave: () => void): Device {
  return {
    kind: device.kind,
    isNew: device.isNew,
    geometry: device.geometry,
    abilities: device.abilities,
    read: () => {
      misbehave();
      return new Promise<void>(() => {});
    },
    write: (...given) => device.write(...given),
    flush: (...given) => device.flush(...given),
    trim: (...given) => device.trim(...given),
    writeZeroes: (...given) => device.writeZeroes(...given),
    cache: (...given) => device.cache(...given),
    blockStatus: (...given) => device.blockStatus(...given),
    close: () => device.close(),
    destroy: () => {},
  };
}
