/** Prints a line for people. */
export type Say = (line: string) => void;

/** How a command prints lines for people: on standard output, or with `--json`, where that is one document, beside it. */
export function sayBeside(json = false): Say {
  return (line) => json ? console.error(line) : console.log(line);
}
