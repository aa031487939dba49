/** A request and its answer, as data. */

/** What is asked of the store. Names of headers are in lower case. */
export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  /** The key with its prefix; `undefined` asks for the bucket itself. */
  readonly key?: string | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Lent until the call settles. */
  readonly body?: Uint8Array | undefined;
  /** SHA-256 of the body in hexadecimal digits, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
  /** The longest body of a successful answer, in bytes. */
  readonly answerBytesMax: number;
}

/** What the store has answered. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole. Of an error, at most its first 64 KiB. */
  readonly body: Uint8Array;
}

/** SHA-256 of no bytes. */
export const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Returns whether an answer says that the request was carried out. */
export function isSuccess({ status }: S3Answer): boolean {
  return status >= 200 && status < 300;
}
