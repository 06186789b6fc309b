import { type Alignment, EditDistance } from "./edit_distance.ts";

/** Limits of Tercom: words that move at once, and how far. */
const LONGEST_SHIFT = 10;
const FARTHEST_SHIFT = 50;

/** How many shifts are tried for one pair of texts, as in sacrebleu. */
const MOST_CANDIDATES = 1000;

interface Shift {
  /** How many edits it saves. */
  readonly gain: number;
  readonly length: number;
  readonly start: number;
  readonly target: number;
  readonly words: readonly string[];
}

/**
 * The number of edits from a hypothesis to a reference: words put in, taken out or replaced, and blocks of words moved.
 * Blocks are moved one by one, each time the one that saves the most edits, with Tercom's rules of what may move
 * (Snover et al. 2006) and sacrebleu's limits.
 */
export function translationEdits(hypothesis: readonly string[], reference: readonly string[]): number {
  if (reference.length === 0 || hypothesis.length === 0) return reference.length + hypothesis.length;
  const distance = new EditDistance(reference, hypothesis.length);
  let words = hypothesis;
  let shifts = 0;
  for (let tried = 0;;) {
    const found = bestShift(words, reference, distance, tried);
    tried = found.tried;
    if (tried >= MOST_CANDIDATES || !found.best || found.best.gain <= 0) return shifts + distance.of(words);
    words = found.best.words;
    shifts++;
  }
}

function bestShift(words: readonly string[], reference: readonly string[], distance: EditDistance, before: number) {
  const alignment = distance.align(words);
  let best: Shift | undefined;
  let tried = before;
  for (const [start, place, length] of sharedBlocks(words, reference)) {
    if (!mayShift(alignment, start, place, length)) continue;
    for (const target of targets(alignment.places, place, length)) {
      const moved = shift(words, start, length, target);
      const candidate = { gain: alignment.edits - distance.of(moved), length, start, target, words: moved };
      tried++;
      if (!best || isBetter(candidate, best)) best = candidate;
    }
    if (tried >= MOST_CANDIDATES) break;
  }
  return { best, tried };
}

/** Blocks of words that both texts have, not too far from each other: their starts in both, and their length. */
function* sharedBlocks(words: readonly string[], reference: readonly string[]): Generator<[number, number, number]> {
  for (let start = 0; start < words.length; start++) {
    const end = Math.min(reference.length, start + FARTHEST_SHIFT + 1);
    for (let place = Math.max(0, start - FARTHEST_SHIFT); place < end; place++) {
      const longest = Math.min(LONGEST_SHIFT, words.length - start, reference.length - place);
      for (let length = 0; length < longest && words[start + length] === reference[place + length];) {
        yield [start, place, ++length];
      }
    }
  }
}

/** A block moves only where it is wrong now, where its place is wrong, too, and where that is not in the block. */
function mayShift(alignment: Alignment, start: number, place: number, length: number): boolean {
  const isWrong = (errors: readonly boolean[], from: number) => errors.slice(from, from + length).includes(true);
  if (!isWrong(alignment.hypothesisErrors, start) || !isWrong(alignment.referenceErrors, place)) return false;
  return alignment.places[place] < start || alignment.places[place] >= start + length;
}

/** Where a block could go: before the hypothesis, or behind the words at the places of the reference. */
function targets(places: readonly number[], place: number, length: number): number[] {
  const found: number[] = [];
  for (let at = place - 1; at < place + length && at < places.length; at++) {
    const target = at === -1 ? 0 : places[at] + 1;
    if (target !== found[found.length - 1]) found.push(target);
  }
  return found;
}

/** The words with a block moved to before `target`, which counts the words as they stood. */
function shift(words: readonly string[], start: number, length: number, target: number): string[] {
  const block = words.slice(start, start + length);
  const rest = [...words.slice(0, start), ...words.slice(start + length)];
  const at = target <= start ? target : target > start + length ? target - length : target;
  return [...rest.slice(0, at), ...block, ...rest.slice(at)];
}

/** What Tercom prefers: the greater gain, then the longer block, the earlier one, the earlier target. */
function isBetter(shift: Shift, best: Shift): boolean {
  const order = shift.gain - best.gain || shift.length - best.length || best.start - shift.start ||
    best.target - shift.target;
  return order > 0;
}
