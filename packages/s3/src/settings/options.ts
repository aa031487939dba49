import type { Agent } from 'node:http';
import { type Clock, defineOptions, type OptionCheck, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { isCredentials, type S3Credentials, type S3CredentialsProvider } from './credentials.ts';

/** Where credentials come from: they themselves, a function that gives them, or none, for a bucket that all may read. */
export type S3CredentialsOption = S3Credentials | S3CredentialsProvider | 'anonymous';

const credentialsCheck: OptionCheck = {
  expected: "an object with accessKeyId and secretAccessKey, a function that gives one, or 'anonymous'",
  holds: (value) => value === 'anonymous' || typeof value === 'function' || isCredentials(value),
};

export const s3StoreOptions = defineOptions({
  /** The bucket. It has to be there. */
  bucket: option.text({ required: true, doc: 'The bucket. It has to be there.' }),
  /** What stands in front of all keys, with a `/` between. @default the keys stand alone */
  prefix: option.text({
    defaultText: 'the keys stand alone',
    doc: 'What stands in front of all keys, with a `/` between.',
  }),
  /** Where the store listens, such as `http://127.0.0.1:9000`. @default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url` of the profile, or Amazon's */
  endpoint: option.text({
    defaultText: "`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url` of the profile, or Amazon's",
    doc: 'Where the store listens, such as `http://127.0.0.1:9000`.',
  }),
  /** The region that requests are signed for. @default `AWS_REGION`, `AWS_DEFAULT_REGION`, that of the profile, or `us-east-1` */
  region: option.text({
    defaultText: '`AWS_REGION`, `AWS_DEFAULT_REGION`, that of the profile, or `us-east-1`',
    doc: 'The region that requests are signed for.',
  }),
  /** The profile in the shared files. @default `AWS_PROFILE`, or `default` */
  profile: option.text({ defaultText: '`AWS_PROFILE`, or `default`', doc: 'The profile in the shared files.' }),
  /** Whether the bucket stands in the path, and not in the name of the host. @default `true`, but for Amazon's endpoints */
  pathStyle: option.boolean({
    defaultText: "`true`, but for Amazon's endpoints",
    doc: 'Whether the bucket stands in the path, and not in the name of the host.',
  }),
  /** Credentials, a function that gives them, or `anonymous`. @default the usual chain: environment, shared files, container and instance roles */
  credentials: option.checked<S3CredentialsOption>(credentialsCheck, {
    defaultText: 'the usual chain: environment, shared files, container and instance roles',
    doc: 'Credentials, a function that gives them, or `anonymous`.',
  }),
  /** How the store can find out that a body was damaged on its way to it. `sha256` signs the body, too. @default sha256 */
  checksum: option.oneOf(['sha256', 'crc32', 'md5'], {
    default: 'sha256',
    doc: 'How the store can find out that a body was damaged on its way to it. `sha256` signs the body, too.',
  }),
  /** Connections at a time; further requests wait. @default 64 */
  connections: option.count({ default: 64, doc: 'Connections at a time; further requests wait.' }),
  /** Time until a connection stands, in milliseconds. @default 10000 */
  connectMs: option.milliseconds({ default: 10_000, doc: 'Time until a connection stands.' }),
  /** Time in which no byte comes or goes, in milliseconds. @default 20000 */
  idleMs: option.milliseconds({ default: 20_000, doc: 'Time in which no byte comes or goes.' }),
  /** Time for a whole request, in milliseconds. @default 120000 */
  requestMs: option.milliseconds({ default: 120_000, doc: 'Time for a whole request.' }),
  /** Makes the connections, such as one with certificates or a proxy; it stays open. @default one of its own, which keeps connections */
  agent: option.object<Agent>({
    defaultText: 'one of its own, which keeps connections',
    doc: 'Makes the connections, such as one with certificates or a proxy; it stays open.',
  }),
  /** Measures the times. @default the system's clock */
  clock: option.object<Clock>({ default: systemClock, defaultText: "the system's clock", doc: 'Measures the times.' }),
  /** The time of day that requests are signed with, in milliseconds since 1970. @default Date.now */
  now: option.callback<() => number>({
    default: Date.now,
    defaultText: 'Date.now',
    doc: 'The time of day that requests are signed with, in milliseconds since 1970.',
  }),
  /** Is told, in one line without secrets, what was put right: a clock, a region, credentials. @default it is not told */
  onNotice: option.callback<(message: string) => void>({
    defaultText: 'it is not told',
    doc: 'Is told, in one line without secrets, what was put right: a clock, a region, credentials.',
  }),
});

/** Where the store is, and how it is used. */
export interface S3StoreOptions extends OptionsOf<typeof s3StoreOptions> {}

/** The options as they are used. */
export type S3Settings = SettingsOf<typeof s3StoreOptions>;
