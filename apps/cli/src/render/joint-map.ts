/** The block maps of several contexts in lock-step, as text and JSON. */
import { baseAllocation } from '@nbdjs/interfaces';
import { type JointExtent, statusName } from '@nbdjs/kit';
import { compactJson } from './exact-json.ts';
import { zeroAndData } from './map.ts';

/** Formats the pieces of a joint map one after the other. */
export interface JointFormat {
  /** Extents that follow on those before; neighbours of equal statuses are merged. */
  add(extents: readonly JointExtent[]): string;
  end(): string;
}

/** A heading, and one line per extent: offset, length, and what each context says. */
export function jointText(contexts: readonly string[]): JointFormat {
  const widths = contexts.map((context) => Math.max(context.length, 'backing depth 2'.length));
  const heading = `    offset      length  ${contexts.map((context, index) => context.padEnd(widths[index] ?? 0)).join('  ')}`;
  let before = `${heading.trimEnd()}\n`;
  return merged(
    ({ offset, length, statuses }) => {
      const columns = statuses.map((status, index) => {
        const name = statusName(contexts[index] ?? '', status) ?? String(status);
        return name.padEnd(widths[index] ?? 0);
      });
      const line = `${before}${String(offset).padStart(10)}  ${String(length).padStart(10)}  ${columns.join('  ').trimEnd()}\n`;
      before = '';
      return line;
    },
    () => before,
  );
}

/** One object per extent, in a list: `offset`, `length`, and `contexts` with a type and a description by the name of the context. */
export function jointJson(contexts: readonly string[]): JointFormat {
  let before = '[\n';
  return merged(
    ({ offset, length, statuses }) => {
      const named = statuses.map((status, index) => {
        const context = contexts[index] ?? '';
        return [context, { type: status, description: statusName(context, status) }];
      });
      const line = `${before}${compactJson({ offset, length, contexts: Object.fromEntries(named) })}`;
      before = ',\n';
      return line;
    },
    () => (before === '[\n' ? '[]\n' : '\n]\n'),
  );
}

/**
 * One object per extent, in a list, with the members of nbdinfo and of `qemu-img map`. The statuses are those of `base:allocation` and
 * `qemu:allocation-depth`. `layers`: how many images there are over each other; what none of them has counts as that of the lowest.
 */
export function layeredJson(layers: number): JointFormat {
  let before = '[\n';
  return merged(
    ({ offset, length, statuses: [status = 0n, layer = 0n] }) => {
      const known = { offset, start: offset, length, type: status, description: statusName(baseAllocation, status) };
      const depth = layer === 0n ? BigInt(layers) - 1n : layer - 1n;
      const line = compactJson({ ...known, depth, present: layer > 0n, ...zeroAndData(status) });
      const text = `${before}${line.replace(/ \}$/, '}')}`;
      before = ',\n';
      return text;
    },
    () => (before === '[\n' ? '[]\n' : '\n]\n'),
  );
}

function merged(line: (extent: JointExtent) => string, ending: () => string): JointFormat {
  let last: JointExtent | undefined;
  return {
    add(extents) {
      let text = '';
      for (const extent of extents) {
        const known = last;
        if (known?.statuses.every((status, index) => status === extent.statuses[index]) === true) {
          last = { offset: known.offset, length: known.length + extent.length, statuses: known.statuses };
        } else {
          if (known !== undefined) text += line(known);
          last = extent;
        }
      }
      return text;
    },
    end: () => `${last === undefined ? '' : line(last)}${ending()}`,
  };
}
