/** Text from a server, made harmless: what it says must not move the cursor or repaint the terminal. */

/** Control characters become `\\u001b` and the like; everything else stays. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
