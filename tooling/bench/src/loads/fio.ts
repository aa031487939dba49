/** Loads by fio: through libnbd, and of files. */
import { type Duration, jsonReport, type LoadClient, type LoadReport, type RequestLoad } from './request-load.ts';

interface FioReport {
  readonly jobs: readonly { readonly read: FioSide; readonly write: FioSide }[];
}

interface FioSide {
  readonly iops: number;
  readonly total_ios: number;
}

/** In the process itself, so that what it uses can be read there. */
const inProcess = '--thread';

/** Random requests through libnbd. */
export function fioLoad(uri: string): LoadClient {
  return fioClient(
    ({ command, depth }) => ['--ioengine=nbd', `--uri=${uri}`, `--rw=rand${command}`, `--iodepth=${depth}`],
    () => 1,
  );
}

/** Reads and writes of a file around the page cache, by as many threads as requests are to be in flight. */
export function fioFileLoad(path: string, order: 'random' | 'sequential'): LoadClient {
  return fioClient(
    ({ command, depth }) => [
      `--numjobs=${depth}`,
      '--group_reporting',
      '--ioengine=psync',
      '--direct=1',
      `--filename=${path}`,
      `--rw=${order === 'random' ? 'rand' : ''}${command}`,
    ],
    ({ depth }) => depth,
  );
}

/** `jobs`: how many threads share the requests. */
function fioClient(options: (load: RequestLoad) => readonly string[], jobs: (load: RequestLoad) => number): LoadClient {
  return {
    counting: 'difference',
    command: (load, duration) => [
      'fio',
      '--name=load',
      inProcess,
      ...options(load),
      `--bs=${load.blockBytes}`,
      '--size=1G',
      ...durationOptions(duration, load.blockBytes, jobs(load)),
      '--output-format=json',
    ],
    report: fioReport,
  };
}

function durationOptions(duration: Duration, blockBytes: number, jobs: number): readonly string[] {
  return 'seconds' in duration
    ? ['--time_based', `--runtime=${Math.round(duration.seconds * 1000)}ms`]
    : ['--norandommap', `--io_size=${Math.ceil(duration.requests / jobs) * blockBytes}`];
}

function fioReport(stdout: string): LoadReport {
  const [job] = jsonReport<FioReport>(stdout).jobs;
  const side = [job?.read, job?.write].find((one) => one !== undefined && one.total_ios > 0);
  return { perSecond: side?.iops ?? 0, requests: side?.total_ios ?? 0 };
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
