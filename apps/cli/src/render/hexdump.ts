/** Hexadecimal dumps in the layout of nbddump: sixteen bytes a line, repeated lines squashed to `*`. */
import type { Colours } from './colours.ts';

const lineBytes = 16;

/** Formats a stream of bytes; feed it in order with `write`, then call `end`. */
export class Hexdump {
  readonly #print: (text: string) => void;
  readonly #colours: Colours;
  readonly #line = new Uint8Array(lineBytes);
  readonly #previous = new Uint8Array(lineBytes);
  #filled = 0;
  #position: bigint;
  /** What has become of the lines that were equal to the one printed last: the first of them may yet be shown. */
  #repeated: 'none' | 'one' | 'starred' = 'none';
  #hasPrevious = false;

  constructor(offset: bigint, print: (text: string) => void, colours: Colours) {
    this.#position = offset;
    this.#print = print;
    this.#colours = colours;
  }

  write(bytes: Uint8Array): void {
    let text = '';
    for (let index = 0; index < bytes.length; ) {
      const count = Math.min(lineBytes - this.#filled, bytes.length - index);
      this.#line.set(bytes.subarray(index, index + count), this.#filled);
      this.#filled += count;
      index += count;
      if (this.#filled === lineBytes) text += this.#take();
    }
    if (text !== '') this.#print(text);
  }

  /** Skips a run of zeroes without looking at each of them. */
  writeZeroes(length: bigint): void {
    const head = BigInt((lineBytes - this.#filled) % lineBytes);
    const first = length < head + 48n ? length : head + 48n;
    this.write(new Uint8Array(Number(first)));
    // Three whole lines of zeroes have been seen by now, so those that follow are behind the star already.
    this.#position += length - first - ((length - first) % BigInt(lineBytes));
    this.write(new Uint8Array(Number((length - first) % BigInt(lineBytes))));
  }

  /** A line that ends the export is shown even if it is a repeated one, so that one sees where that is. */
  end({ isExportEnd = false } = {}): void {
    if (this.#filled > 0) this.#print(this.#star() + this.#format(this.#line.subarray(0, this.#filled)));
    else if (!isExportEnd) this.#print(this.#star());
    else if (this.#repeated !== 'none') {
      this.#position -= BigInt(lineBytes);
      this.#print(this.#format(this.#previous));
    }
  }

  #take(): string {
    const line = this.#line;
    this.#filled = 0;
    let text = '';
    if (this.#hasPrevious && line.every((byte, index) => byte === this.#previous[index])) {
      if (this.#repeated === 'none') this.#repeated = 'one';
      else text = this.#star();
    } else {
      text = this.#star() + this.#format(line);
      this.#repeated = 'none';
      this.#hasPrevious = true;
      this.#previous.set(line);
    }
    this.#position += BigInt(lineBytes);
    return text;
  }

  /** The star, if it is due and not there yet. */
  #star(): string {
    if (this.#repeated !== 'one') return '';
    this.#repeated = 'starred';
    return `${this.#colours.dim('*')}\n`;
  }

  #format(bytes: Uint8Array): string {
    let hex = '';
    let text = '';
    for (let index = 0; index < lineBytes; index++) {
      const byte = bytes[index];
      hex += byte === undefined ? '   ' : `${byte.toString(16).padStart(2, '0')} `;
      if (index === 7) hex += ' ';
      if (byte !== undefined) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    const offset = this.#position.toString(16).padStart(10, '0');
    return `${this.#colours.cyan(offset)}: ${hex}|${text.padEnd(lineBytes)}|\n`;
  }
}
