/** The rows of docs/options-of-others.md that are tried by tests of their own. */
import { peerTools, rowsOf, titleOf } from '@nbdjs/docs/peer-options';
import { expect, it } from 'vitest';

/** A test that compares what is tried of a tool, by the row's `option`, with the rows of the page that say `same`. */
export function expectTestOfEachRow(title: string, tried: readonly string[]): void {
  it(`${title}: each row that says 'same' has its test, and no test lacks its row`, () => {
    const rows = peerTools.filter((one) => titleOf(one) === title).flatMap(rowsOf);
    const same = rows.filter(({ verdict }) => verdict === 'same').map(({ option }) => option);
    expect([...tried].sort()).toEqual(same.sort());
  });
}
