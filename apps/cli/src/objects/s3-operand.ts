/** Buckets of S3 on the command line: `s3://BUCKET/DISK?endpoint=URL&region=NAME`. */
import { argumentError } from '../errors/argument-error.ts';

/** A bucket, and how it is reached. What is not given comes from the environment and the shared files of AWS. */
export interface S3Address {
  readonly kind: 's3';
  readonly bucket: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly prefix?: string;
  readonly pathStyle?: boolean;
}

const scheme = 's3://';
const parameters: ReadonlySet<string> = new Set(['endpoint', 'region', 'profile', 'prefix', 'path-style']);

export function isBucketUri(word: string): boolean {
  return word.toLowerCase().startsWith(scheme);
}

/** Returns the bucket, and the name behind it, which may be empty. @throws UsageError for what is not understood. */
export function parseBucketUri(word: string): { readonly store: S3Address; readonly name: string } {
  const [place = '', query = '', ...more] = word.slice(scheme.length).split('?');
  const [bucket = '', ...names] = place.split('/');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket) || more.length > 0) {
    throw argumentError(`'${word}' is not a bucket, expected s3://BUCKET/DISK?endpoint=URL&region=NAME`);
  }
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (parameters.has(name)) continue;
    throw argumentError(`'${word}': there is no parameter '${name}', expected ${[...parameters].join(', ')}`);
  }
  const pathStyle = given.get('path-style');
  if (pathStyle !== null && pathStyle !== 'true' && pathStyle !== 'false') {
    throw argumentError(`'${word}': path-style is '${pathStyle}', expected true or false`);
  }
  const texts = ['endpoint', 'region', 'profile', 'prefix'].flatMap((name) => {
    const value = given.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const flags = pathStyle === null ? {} : { pathStyle: pathStyle === 'true' };
  return { store: { kind: 's3', bucket, ...Object.fromEntries(texts), ...flags }, name: names.join('/') };
}
