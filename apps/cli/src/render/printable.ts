/** Text from a server, made safe to print: it must not move the cursor, change the terminal or reverse the order of characters. */

/** Controls, what ends lines or changes the direction of writing, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Surrogate}]/gu;

/**
 * Control characters become `\\u001b` and the like, and bytes that are no UTF-8 (in names of exports) `\\xff`;
 * everything else stays.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.charCodeAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
