/** A command that is judged by how long it takes, such as a copy. */
import type { Candidate, SideCost } from '../measuring/run.ts';
import { runMeasured } from '../processes/measured-command.ts';
import type { ServerCost } from '../processes/measured-server.ts';

export interface CommandOptions {
  /** Bytes that it moves, for figures per byte. */
  readonly bytes?: number | undefined;
  readonly server?: ServerCost | undefined;
  /** What has to be done before each run; it is not measured. */
  readonly prepare?: (() => void) | undefined;
  /** Whether it prints, as JSON, what Node counted. */
  readonly isCounting?: boolean | undefined;
}

/** Seconds and processor time from the start to the end of a command, start-up included. */
export function commandCandidate(command: readonly [string, ...string[]], options: CommandOptions = {}): Candidate {
  const { bytes, server, prepare, isCounting = false } = options;
  return {
    async measure() {
      prepare?.();
      server?.begin();
      const { seconds, used, stdout } = await runMeasured(command);
      const serverCost = await server?.end();
      return {
        values: {
          seconds,
          processorSeconds: used.processorSeconds,
          ...(bytes === undefined ? {} : { bytesPerSecond: bytes / seconds }),
        },
        client: { used, bytes, ...(isCounting ? (JSON.parse(stdout) as Pick<SideCost, 'node'>) : {}) },
        server: serverCost === undefined ? undefined : { ...serverCost, bytes },
      };
    },
  };
}
