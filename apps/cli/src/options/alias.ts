/** Options whose values go to another attribute than the one that their name makes. */
import { Option } from '@commander-js/extra-typings';

/** An option whose value goes to a given attribute. */
export class RedirectedOption<Usage extends string> extends Option<Usage> {
  readonly #attribute: string;

  constructor(flags: Usage, description: string, attribute: string) {
    super(flags, description);
    this.#attribute = attribute;
  }

  override attributeName(): string {
    return this.#attribute;
  }
}

/**
 * Makes another spelling of an option, which libnbd's tools know and which help does not show.
 *
 * @param usage The flags of the option that it stands for.
 * @param flags The other spelling.
 */
export function alias<Usage extends string>(usage: Usage, flags: string): Option<Usage> {
  // For the compiler it is the same option as the one that it replaces: both have the same type and attribute.
  return new RedirectedOption(flags as Usage, '', new Option(usage).attributeName()).hideHelp();
}
