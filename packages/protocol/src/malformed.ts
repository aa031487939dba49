/**
 * Why some bytes are not the message that was expected. Decoders of the handshake return it instead of the message.
 *
 * A value and not an error, because the two roles go on differently: a client fails with a `ProtocolError` made of it, a server
 * refuses the option (`NBD_REP_ERR_INVALID`, with `message` as text) and goes on.
 */
export class Malformed {
  /** Short kebab-case name of the broken rule, such as `payload-too-short`. */
  readonly violation: string;
  /** One line, for people. */
  readonly message: string;
  /** Id of the broken rule in docs/conformance.md, such as `G2`. */
  readonly rule: string;

  constructor(violation: string, message: string, rule: string) {
    this.violation = violation;
    this.message = message;
    this.rule = rule;
  }
}
