/** Goes on behind replies that break the rules. */
import type { ProtocolError } from '@nbdjs/interfaces';
import { WireError } from '@nbdjs/protocol';
import type { Request } from '../requests/request.ts';
import { ReplyReceiver } from './reply-receiver.ts';

/** Rules that bound what is taken from a server: there is no going on behind a reply without an end. */
const bounds: ReadonlySet<string | undefined> = new Set(['G6', 'C69']);

/** Fails the request whose reply is malformed, where it is known which one that is and where the reply ends. */
export class LenientReplyReceiver extends ReplyReceiver {
  malformed(error: ProtocolError): boolean {
    const { current } = this;
    if (current === undefined || bounds.has(error.rule)) return false;
    blame(current, error);
    return true;
  }

  protected override hollow(error: ProtocolError): number {
    blame(this.current as Request, error);
    return 0;
  }
}

/** C55: the first error is the one that is reported. */
function blame(request: Request, error: ProtocolError): void {
  if (request.error === 0) request.detailed().malformation = error;
  if (request.error === 0) request.error = WireError.Eio;
}
