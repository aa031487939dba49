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
  /** Full lines that were equal to the one printed last. */
  #squashed = false;
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
    const first = length < head + 32n ? length : head + 32n;
    this.write(new Uint8Array(Number(first)));
    // Two whole lines of zeroes have been seen by now, so those that follow are behind the star already.
    this.#position += length - first - ((length - first) % BigInt(lineBytes));
    this.write(new Uint8Array(Number((length - first) % BigInt(lineBytes))));
  }

  end(): void {
    if (this.#filled > 0) this.#print(this.#format(this.#line.subarray(0, this.#filled)));
  }

  #take(): string {
    const line = this.#line;
    this.#filled = 0;
    const position = this.#position;
    if (this.#hasPrevious && line.every((byte, index) => byte === this.#previous[index])) {
      this.#position = position + BigInt(lineBytes);
      if (this.#squashed) return '';
      this.#squashed = true;
      return this.#star();
    }
    this.#squashed = false;
    this.#hasPrevious = true;
    this.#previous.set(line);
    const text = this.#format(line);
    this.#position = position + BigInt(lineBytes);
    return text;
  }

  #star(): string {
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
