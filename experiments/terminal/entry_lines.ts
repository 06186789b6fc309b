const WIDTH = 120;
const INDENT = " ".repeat(21);

/** An entry of a help text: the flag in a column of its own, texts broken at the end of lines. */
export function entryLines(flag: string, texts: readonly string[]): string[] {
  const lines: string[] = [`  ${flag}`.padEnd(INDENT.length)];
  if (lines[0].length > INDENT.length) lines.push(INDENT);
  texts.forEach((text, i) => {
    if (i > 0) lines.push(INDENT);
    for (const word of text.split(" ")) {
      const last = lines.length - 1;
      if (lines[last].trimEnd().length + 1 + word.length > WIDTH) lines.push(INDENT + word);
      else lines[last] += lines[last].endsWith(" ") ? word : ` ${word}`;
    }
  });
  return lines.map((line) => line.trimEnd());
}
