/** What is known of another program's options, beside ours. The page docs/options-of-others.md and the tests of it are made from this. */

/** A row of the page. */
export type PeerOption = {
  /** As the program's manual spells it, with its value: `--connections=N`, or `-s` where there is no long one. A sort of operand is a row, too: `NBD-URI`. */
  readonly option: string;
  /** Other spellings that the program lists, without the value: `-C`. */
  readonly aliases?: readonly string[];
  /** What it does, in few words. */
  readonly meaning: string;
  /** The first release that has it, where not all those that are tested have it: `1.24`. */
  readonly since?: string;
  /** Programs have it, but do not list it in each release; their manual has it. */
  readonly isUnlisted?: boolean;
} & Judgement;

/**
 * `same`: the same words do the same, and a test runs both. `same by its manual`: no generation of the peers has the option, so that it
 * could not be run. `better`: ours does it, and `why` says what is more than theirs. `left out`: `why` says for which reason, and what to
 * use instead.
 *
 * `ours` is what one writes, such as `nbd copy -C N, --connections N`: a comma separates spellings, the first part names the command, and
 * a part that begins with `nbd` names another one.
 */
type Judgement =
  | { readonly verdict: 'same' | 'same by its manual'; readonly ours: string; readonly why?: string }
  | { readonly verdict: 'better'; readonly ours: string; readonly why: string }
  | { readonly verdict: 'left out'; readonly ours?: undefined; readonly why: string };

/** A program whose options are compared with ours. */
export interface PeerTool {
  readonly name: string;
  /** What comes behind its name, such as `map` of `qemu-img map`. Default: no word. */
  readonly subcommand?: string;
  /** What it is for, as a sentence. */
  readonly purpose: string;
  /** The package of Debian that has it. */
  readonly debianPackage: string;
  /** The first release that has the program, where not all those that are tested have it. Then rows need not say it. */
  readonly since?: string;
  /** What was run or, where no release of Debian that we test with has it, read. */
  readonly versions: string;
  /** Our commands that stand for it. */
  readonly ours: readonly string[];
  /** Command lines that list its options, without its name; `undefined` where no generation of the peers has it. */
  readonly listings?: readonly (readonly string[])[] | undefined;
  /** The part of what they print that is about it, where they print more. Default: all. */
  readonly listingPart?: RegExp;
  /** Words in what they print that look like options and are none, such as options of other programs in an example. */
  readonly notOptions?: readonly string[];
  readonly options: readonly PeerOption[];
  /** Sorts of operands, and manners such as exit codes, that are compared like options. */
  readonly manners?: readonly PeerOption[];
}

/** Name and subcommand: `qemu-img map`. */
export function titleOf({ name, subcommand }: Pick<PeerTool, 'name' | 'subcommand'>): string {
  return subcommand === undefined ? name : `${name} ${subcommand}`;
}

/** All rows of a tool. */
export function rowsOf({ options, manners = [] }: PeerTool): readonly PeerOption[] {
  return [...options, ...manners];
}

/** The spellings of an option, without values: `--connections`, `-C`. */
export function spellingsOf({ option, aliases = [] }: PeerOption): readonly string[] {
  return [option, ...aliases].map((word) => word.replace(/[[= ].*/, ''));
}

/** The words of a text that look like options, without values. Those of a command in brackets, `[ qemu-nbd -r disk ]`, are not its own. */
export function optionsIn(text: string): readonly string[] {
  const own = text.replaceAll(/\[ .*? \]/g, ' ');
  const words = [...own.matchAll(/(?:^|[\s[|(,/])(--?[A-Za-z0-9?][\w-]*)/gm)].map(([, word = '']) => word);
  return [...new Set(words)].sort();
}
