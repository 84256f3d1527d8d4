/**
 * Control characters except tab and line feed. Text of models and servers may hold escape sequences,
 * which could retitle, clear or reprogram the reader's terminal.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The same text with every control character shown as a picture (ESC as ␛). */
export function printableText(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    if (code === 0x7f) {
      return "\u2421";
    }
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/** As `printableText`, on one line. */
export function printableLine(text: string): string {
  return printableText(text.replace(/[\t\r\n]+/g, " "));
}
