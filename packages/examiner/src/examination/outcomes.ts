/** How the examination of a rule can end, besides that the rule is kept. */
import type { Level } from '../rules/vocabulary.ts';

/** The server does something else than the rule expects. */
export class Fault extends Error {
  /** Where it differs from that of the rule under examination. */
  readonly level: Level | undefined;
  /** The rule of docs/conformance.md that is broken, where it is another one than that under examination. */
  readonly rule: string | undefined;

  constructor(message: string, details: { readonly level?: Level; readonly rule?: string } = {}) {
    super(message);
    this.level = details.level;
    this.rule = details.rule;
  }
}

/** The rule says nothing about this server, or cannot be examined with it. The message has the reason. */
export class Inapplicable extends Error {}

/** The server has ended the connection where something else was expected. */
export class HungUp extends Error {}

/** The server has not answered in time. */
export class Silent extends Error {}

/** No connection could be made. */
export class Unreachable extends Error {}
