/** Numbers as printf prints them: a value in the very middle goes to the even digit, while JavaScript takes the larger. */

/** `%.Nf` */
export function decimals(value: number, count: number): string {
  return toEven(value.toFixed(count), value.toFixed(count + 1), value, (text) => text.toFixed(count));
}

/** `%.Ng`, with its trailing zeroes. */
export function significant(value: number, count: number): string {
  return toEven(value.toPrecision(count), value.toPrecision(count + 1), value, (text) => text.toPrecision(count));
}

/** `further` has one more digit; it is exactly the value, and a 5, when the value lies in the middle. */
function toEven(rounded: string, further: string, value: number, format: (value: number) => string): string {
  const isInTheMiddle = further.endsWith('5') && isExactly(value, further);
  const isOdd = /[13579]$/.test(rounded);
  if (!isInTheMiddle || !isOdd) return rounded;
  return format(Number(`${further.slice(0, -1)}4`));
}

/** Whether a decimal number is the value itself, and not merely the nearest that a double can be. */
function isExactly(value: number, text: string): boolean {
  const [, fraction = ''] = text.split('.');
  return Number(text) === value && /^0*$/.test(value.toFixed(100).split('.')[1]?.slice(fraction.length) ?? '');
}
