/** Credentials and settings from where other tools have them, by the library of AWS. It is loaded when it is asked for. */
import type { S3CredentialsProvider } from './credentials.ts';

/**
 * The usual chain: environment, shared files with profiles and roles, single sign-on, programs, tokens of a web identity, containers and
 * instances.
 */
export function usualChain(profile: string | undefined, onNotice: (message: string) => void): S3CredentialsProvider {
  let chain: S3CredentialsProvider | undefined;
  return async (options) => {
    if (chain === undefined) {
      const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
      chain = defaultProvider({ ...(profile === undefined ? {} : { profile }), logger: quiet(onNotice) });
    }
    return chain(options);
  };
}

/** What the shared files say besides credentials. */
export interface SharedSettings {
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** Reads the profile's part of `~/.aws/config` and `~/.aws/credentials`, where there are such files. */
export async function readSharedSettings(profile: string | undefined): Promise<SharedSettings> {
  const { getProfileName, loadSharedConfigFiles } = await import('@smithy/core/config');
  const { configFile, credentialsFile } = await loadSharedConfigFiles({ ignoreCache: true });
  const name = getProfileName(profile === undefined ? {} : { profile });
  const { region, endpoint_url: endpoint } = { ...configFile[name], ...credentialsFile[name] };
  return { region, endpoint };
}

/** The chain writes warnings to the console unless it has a logger. */
function quiet(onNotice: (message: string) => void) {
  const ignore = (): void => {};
  return {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (text: unknown) => onNotice(String(text).replace(/\s+/g, ' ').trim()),
    error: ignore,
  };
}
