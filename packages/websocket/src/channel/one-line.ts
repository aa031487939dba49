/** Text of a peer in messages. */

/** Returns the text without control characters and line breaks: the peer chooses it, and it may reach a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}
