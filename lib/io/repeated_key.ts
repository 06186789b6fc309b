/** The end of a string that begins behind `from`: its closing quote. Valid JSON closes all of its strings. */
function endOfString(json: string, from: number): number {
  let end = json.indexOf('"', from);
  for (;;) {
    let first = end;
    while (json[first - 1] === "\\") first--;
    // As many backslashes as are escaped themselves leave the quote as it is.
    if ((end - first) % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
}

/** The first key that stands twice in one object of a valid JSON text: `JSON.parse` would take the last and say nothing. */
export function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  const marks = /[{}"]/g;
  const colon = /\s*:/y;
  for (let mark = marks.exec(json); mark; mark = marks.exec(json)) {
    if (mark[0] === "{") open.push(new Set());
    else if (mark[0] === "}") open.pop();
    else {
      // By hand, as a regular expression would run out of its stack in a string of millions of escapes.
      const end = endOfString(json, mark.index + 1);
      marks.lastIndex = colon.lastIndex = end + 1;
      if (!colon.test(json)) continue;
      const key: string = JSON.parse(json.slice(mark.index, end + 1));
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
