/** Rows of text in columns, which are as wide as their widest cell. */
import { stripVTControlCharacters } from 'node:util';

/** Cells may have colours. Rows may be shorter than others. `areNumbers`: all columns but the first are aligned to the right. */
export function alignedRows(rows: readonly (readonly string[])[], { areNumbers = false } = {}): string {
  const lengthOf = (cell: string): number => stripVTControlCharacters(cell).length;
  const columns = Math.max(...rows.map(({ length }) => length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => lengthOf(row[column] ?? ''))),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const blanks = ' '.repeat((widths[column] ?? 0) - lengthOf(cell));
        return areNumbers && column > 0 ? blanks + cell : cell + blanks;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
