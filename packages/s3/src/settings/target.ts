/** The store that requests go to: what the options say, completed by the environment and the shared files, and put right by its answers. */

import { describeValue, UsageError } from '@nbdjs/kit';
import { addressOf, type BucketAddress, isRegion, parseEndpoint, requireBucket } from './endpoint.ts';
import type { S3Settings } from './options.ts';
import { readSharedSettings } from './usual-chain.ts';

const caller = 'createS3Store';

/** Where requests go, at this moment. */
export interface Target {
  readonly address: BucketAddress;
  readonly region: string;
}

/** Finds the target when it is needed first, and keeps it. */
export class TargetSource {
  readonly #settings: S3Settings;
  #endpoint: URL | undefined;
  #found: Promise<Target> | undefined;
  #present: Target | undefined;

  /** @throws UsageError `ERR_NBD_ARGUMENT` for a bucket, endpoint or region that cannot be one. */
  constructor(settings: S3Settings) {
    this.#settings = settings;
    requireBucket(caller, settings.bucket);
    const endpoint = settings.endpoint ?? fromEnvironment('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL');
    if (endpoint !== undefined) this.#endpoint = parseEndpoint(caller, endpoint);
    if (settings.region !== undefined && !isRegion(settings.region)) {
      const message = `${caller}: region is ${describeValue(settings.region)}, expected letters, digits and dashes`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
  }

  /** Which store it is, in words. */
  get name(): string {
    const where = this.#present?.address.isAmazon === false ? this.#present.address.host : this.#endpoint?.host;
    return `bucket '${this.#settings.bucket}' ${where === undefined ? 'of Amazon S3' : `at ${where}`}`;
  }

  /** The target, if it is known by now. */
  get present(): Target | undefined {
    return this.#present;
  }

  async get(): Promise<Target> {
    if (this.#present !== undefined) return this.#present;
    this.#found ??= this.#find();
    try {
      this.#present ??= await this.#found;
      return this.#present;
    } catch (reason) {
      this.#found = undefined;
      throw reason;
    }
  }

  /** Signs for another region from now on. */
  moveTo(region: string): Target {
    this.#present = this.#at(region);
    return this.#present;
  }

  async #find(): Promise<Target> {
    const { profile } = this.#settings;
    let region = this.#settings.region ?? fromEnvironment('AWS_REGION', 'AWS_DEFAULT_REGION');
    if (region === undefined || this.#endpoint === undefined) {
      const shared = await readSharedSettings(profile);
      region ??= shared.region;
      if (this.#endpoint === undefined && shared.endpoint !== undefined) {
        this.#endpoint = parseEndpoint(caller, shared.endpoint);
      }
    }
    return this.#at(isRegion(region) ? region : 'us-east-1');
  }

  #at(region: string): Target {
    const { bucket, pathStyle } = this.#settings;
    return { region, address: addressOf({ bucket, region, endpoint: this.#endpoint, pathStyle }) };
  }
}

function fromEnvironment(...names: readonly string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}
