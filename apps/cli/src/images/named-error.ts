/** Errors of images, which do not know what the image is called. */
import { CommandError, isNbdError, UsageError } from '@nbdjs/interfaces';

/** Returns an error with the name of its image before it. */
function namedError(name: string, error: unknown): unknown {
  if (!isNbdError(error) || error.message.startsWith(`${name}: `)) return error;
  const message = `${name}: ${error.message}`;
  if (error instanceof UsageError) return new UsageError(error.code, message, { cause: error.cause });
  if (error instanceof CommandError) return new CommandError(error.code, message, { cause: error.cause });
  return error;
}

/** Runs the opening of an image. Its errors get its name. */
export async function naming<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw namedError(name, error);
  }
}

/** A name out of an image, for a message: in quotes, and not too long. */
export function quoted(name: string): string {
  return name.length > 200 ? `'${name.slice(0, 200)}...'` : `'${name}'`;
}
