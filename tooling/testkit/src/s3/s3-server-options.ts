import type { SigningKey } from './signature.ts';
import type { S3Call, S3Trouble } from './troubled-server.ts';

/** How the server is. */
export interface S3ServerOptions {
  /** @default one: `test` with `secret` */
  readonly keys?: readonly SigningKey[];
  /** @default test-bucket */
  readonly bucket?: string;
  /** Other regions are refused. @default every region will do */
  readonly region?: string;
  /** How far its clock is ahead, in milliseconds. @default 0 */
  readonly aheadMs?: number;
  /** Conditions are not looked at. @default false */
  readonly ignoresConditions?: boolean;
  /** `If-Match` is compared as it comes with an ETag without quotes, as radosgw does. @default false */
  readonly comparesPlainEtags?: boolean;
  /** An `If-Match` without quotes is passed over. @default false */
  readonly ignoresPlainEtags?: boolean;
  /** Ranges are not looked at. @default false */
  readonly ignoresRanges?: boolean;
  /** Requests without a signature are answered. @default false */
  readonly isPublic?: boolean;
  /** Asked for each request. */
  readonly trouble?: (call: S3Call) => S3Trouble | undefined;
}
