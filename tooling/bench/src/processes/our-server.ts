/** `nbd serve`, as it is published, on a Unix socket. */
import type { Workspace } from '@nbdjs/peers/local';
import { nbd, startMeasured } from './measured-server.ts';
import type { MeasuredServer } from './peer-server.ts';
import type { Pinning } from './pinning.ts';

export interface OurServer extends MeasuredServer, AsyncDisposable {}

export async function startOurs(
  workspace: Workspace,
  name: string,
  pinning: Pinning,
  args: readonly string[],
): Promise<OurServer> {
  const socketPath = workspace.socketPath(name);
  const command = [...nbd, 'serve', '--socket', socketPath, '--print-uri', ...args] as const;
  return { uri: `nbd+unix:///?socket=${socketPath}`, ...(await startMeasured(command, pinning)) };
}
