/** What a decoder returns instead of a message. */

/**
 * Why some bytes are not the message they should be.
 *
 * A value, not an error: who reads them decides what follows. A client makes it a `ProtocolError`, a server
 * answers `NBD_REP_ERR_INVALID` with the message as text and goes on.
 */
export class Malformed {
  /** Short kebab-case name of the broken rule, such as `payload-too-short`. */
  readonly violation: string;
  /** One line, made for people. */
  readonly message: string;
  /** Id of the broken rule in docs/conformance.md, such as `G2`. */
  readonly rule: string;

  constructor(violation: string, message: string, rule: string) {
    this.violation = violation;
    this.message = message;
    this.rule = rule;
  }
}
