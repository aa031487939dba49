/** libnbd, driven by fio. */
import { jsonReport, type LoadClient } from './request-load.ts';

interface FioReport {
  readonly jobs: readonly { readonly read: FioSide; readonly write: FioSide }[];
}

interface FioSide {
  readonly iops: number;
  readonly total_ios: number;
}

export function fioLoad(uri: string): LoadClient {
  return {
    counting: 'difference',
    command: ({ command, depth, blockBytes }, duration) => [
      'fio',
      '--name=load',
      // In the process itself, so that what it uses can be read there.
      '--thread',
      '--ioengine=nbd',
      `--uri=${uri}`,
      `--rw=rand${command}`,
      `--bs=${blockBytes}`,
      `--iodepth=${depth}`,
      '--size=1G',
      ...('seconds' in duration
        ? ['--time_based', `--runtime=${Math.round(duration.seconds * 1000)}ms`]
        : ['--norandommap', `--io_size=${duration.requests * blockBytes}`]),
      '--output-format=json',
    ],
    report(stdout) {
      const [job] = jsonReport<FioReport>(stdout).jobs;
      const side = [job?.read, job?.write].find((one) => one !== undefined && one.total_ios > 0);
      return { perSecond: side?.iops ?? 0, requests: side?.total_ios ?? 0 };
    },
  };
}

/** Writes all of a memory: what was never written costs nothing to read. */
export function fioFill(uri: string): [string, ...string[]] {
  return [
    'fio',
    '--name=fill',
    '--thread',
    '--ioengine=nbd',
    `--uri=${uri}`,
    '--rw=write',
    '--bs=1M',
    '--iodepth=16',
    '--size=1G',
  ];
}
