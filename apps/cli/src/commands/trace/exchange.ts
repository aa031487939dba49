/** A request and its answer, in one line. */
import type { Exchange } from '@nbdjs/recorder';
import type { JsonValue } from '../../render/exact-json.ts';

export function exchangeText({ time, connection, command, request, flags, latency, error, text }: Exchange): string {
  const { offset, length } = request;
  const words = [
    (time / 1e6).toFixed(6).padStart(11),
    `#${connection}`,
    command,
    ...(length > 0n || offset > 0n ? [`offset=${offset}`, `length=${length}`] : []),
    ...(flags.length > 0 ? [`flags=${flags.join(',')}`] : []),
    `${latency} us`,
    error ?? 'ok',
  ];
  return text === undefined ? words.join(' ') : `${words.join(' ')}: ${text}`;
}

export function exchangeJson({ request, flags, ...rest }: Exchange): {
  readonly [name: string]: JsonValue | undefined;
} {
  const { cookie, offset, length } = request;
  return { type: 'request', ...rest, cookie: String(cookie), offset, length, ...(flags.length > 0 ? { flags } : {}) };
}
