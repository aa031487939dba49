/** What was opened, and has to be closed at the end. */

interface Closable {
  close(): unknown;
  /** Of clients: the end without waiting. */
  destroy?(): void;
}

/** How long one of them may take over its end, in milliseconds. */
const patienceMs = 500;

export class Opened {
  readonly #things = new Set<Closable>();

  /** Remembers a thing that can be closed. Returns it, whatever it is. */
  keep<Thing>(thing: Thing): Thing {
    if (isClosable(thing)) this.#things.add(thing);
    return thing;
  }

  /** Returns a module whose functions remember what they open, or resolve to. Classes and constants stay as they are. */
  keepingModule<Module extends object>(module: Module): Module {
    const entries = Object.entries(module).map(([name, member]) => {
      // Functions begin with a small letter, classes do not.
      if (typeof member !== 'function' || !/^[a-z]/.test(name)) return [name, member];
      return [name, this.#keepingFunction(member)];
    });
    return Object.fromEntries(entries) as Module;
  }

  /** Closes everything, what was opened last first: layers before what is below them. Errors say nothing at the end. */
  async close(): Promise<void> {
    for (const thing of [...this.#things].reverse()) {
      this.#things.delete(thing);
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          thing.destroy?.();
          resolve();
        }, patienceMs);
      });
      await Promise.race([Promise.resolve().then(() => thing.close()), tooLong]).catch(() => {});
      clearTimeout(timer);
    }
  }

  #keepingFunction(call: (...given: unknown[]) => unknown): (...given: unknown[]) => unknown {
    const keep = <Thing>(thing: Thing): Thing => this.keep(thing);
    return Object.defineProperty(
      (...given: unknown[]): unknown => {
        const result = call(...given);
        return result instanceof Promise ? result.then(keep) : keep(result);
      },
      'name',
      { value: call.name },
    );
  }
}

function isClosable(thing: unknown): thing is Closable {
  return typeof thing === 'object' && thing !== null && 'close' in thing && typeof thing.close === 'function';
}
