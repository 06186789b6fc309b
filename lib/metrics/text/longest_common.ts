/** Lengths of the longest common subsequence of each beginning of two lists: row i, column j at i · width + j. */
function lengths(left: readonly string[], right: readonly string[]): Int32Array {
  const width = right.length + 1;
  const table = new Int32Array((left.length + 1) * width);
  for (let i = 1; i <= left.length; i++) {
    for (let j = 1; j <= right.length; j++) {
      const at = i * width + j;
      table[at] = left[i - 1] === right[j - 1] ? table[at - width - 1] + 1 : Math.max(table[at - width], table[at - 1]);
    }
  }
  return table;
}

/** The length of the longest common subsequence of two lists. */
export function longestCommonLength(left: readonly string[], right: readonly string[]): number {
  const table = lengths(left, right);
  return table[table.length - 1];
}

/** Where the words of one longest common subsequence stand in the first list: of several the one rouge-score takes. */
export function longestCommonPlaces(left: readonly string[], right: readonly string[]): number[] {
  const table = lengths(left, right);
  const width = right.length + 1;
  const places: number[] = [];
  let [i, j] = [left.length, right.length];
  while (i > 0 && j > 0) {
    const at = i * width + j;
    if (left[i - 1] === right[j - 1]) {
      places.push(i - 1);
      i--;
      j--;
    } else if (table[at - 1] > table[at - width]) j--;
    else i--;
  }
  return places.reverse();
}
