/** The multiplexer on top of a connector, and the client around it. */
import { type Connector, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import {
  createMultiplexer,
  type DeviceOptions,
  deviceOptions,
  type Multiplexer,
  type MultiplexerEvents,
  multiplexerEvents,
} from '@nbdjs/multiplexer';
import { afterMicrotasks, diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
import { type OpenOptions, openOptions } from './options.ts';

/** Opens a device whose options are checked. */
export async function openMultiplexer(
  connector: Connector,
  options: DeviceOptions,
  signal: AbortSignal | undefined,
): Promise<Multiplexer> {
  const device = createMultiplexer({
    ...options,
    connector,
    clock: systemClock,
    defer: afterMicrotasks,
    nextTurn,
    trace: diagnosticsTrace<MultiplexerEvents>(multiplexerEvents),
  });
  try {
    await device.open({ signal });
  } catch (error) {
    device.destroy();
    throw error;
  }
  return device;
}

/** The same for a connector and options that a caller of `openClient` has given. */
export async function openGiven(connector: Connector, options: OpenOptions): Promise<Multiplexer> {
  if (typeof connector?.establish !== 'function') {
    const message = `openClient: the connector is ${describeValue(connector)}, expected one (establish, retry, release)`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const settings = openOptions.resolve('openClient', options);
  return await openMultiplexer(connector, deviceOptions.pick(options), settings.signal);
}
