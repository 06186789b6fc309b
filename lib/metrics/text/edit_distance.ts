/** How a cell of the table of edits was reached; `unset` lies outside the beam. */
const UNSET = 0;
const KEPT = 1;
const REPLACED = 2;
const INSERTED = 3;
const DELETED = 4;

/** Cells this far from the diagonal are looked at, as in sacrebleu and Tercom. */
const BEAM_WIDTH = 25;
const FAR = 1e9;

/** The edits that make a hypothesis of a reference, and what they say of both. */
export interface Alignment {
  readonly edits: number;
  /** For each word of the reference, the word of the hypothesis that stands at its place. */
  readonly places: readonly number[];
  /** Whether each word of the reference differs from what stands at its place. */
  readonly referenceErrors: readonly boolean[];
  /** Whether each word of the hypothesis differs from what it stands for. */
  readonly hypothesisErrors: readonly boolean[];
}

/**
 * Edit distances of hypotheses of one length from one reference, in a beam around the diagonal. Rows of the table are
 * kept between calls for the words with which this hypothesis begins as the last one did.
 */
export class EditDistance {
  readonly #reference: readonly string[];
  readonly #costs: Int32Array[];
  readonly #edits: Uint8Array[];
  readonly #length: number;
  #last: readonly string[] = [];

  constructor(reference: readonly string[], length: number) {
    const width = reference.length + 1;
    this.#reference = reference;
    this.#length = length;
    this.#costs = Array.from({ length: length + 1 }, () => new Int32Array(width));
    this.#edits = Array.from({ length: length + 1 }, () => new Uint8Array(width));
    this.#costs[0].forEach((_, j, row) => row[j] = j);
    this.#edits[0].fill(INSERTED);
  }

  /** The number of edits from the reference to a hypothesis. */
  of(hypothesis: readonly string[]): number {
    let same = 0;
    while (same < this.#last.length && this.#last[same] === hypothesis[same]) same++;
    for (let i = same + 1; i <= this.#length; i++) this.#fillRow(i, hypothesis[i - 1]);
    this.#last = hypothesis;
    return this.#costs[this.#length][this.#reference.length];
  }

  /** Replacing goes before deleting, and that before inserting, where they cost the same, as in Tercom. */
  #fillRow(i: number, word: string): void {
    const [costs, edits, before] = [this.#costs[i], this.#edits[i], this.#costs[i - 1]];
    const ratio = this.#reference.length / this.#length;
    const beam = BEAM_WIDTH < ratio / 2 ? Math.ceil(ratio / 2 + BEAM_WIDTH) : BEAM_WIDTH;
    const diagonal = Math.floor(i * ratio);
    const width = this.#reference.length + 1;
    const end = i === this.#length ? width : Math.min(width, diagonal + beam);
    costs.fill(FAR);
    edits.fill(UNSET);
    for (let j = Math.max(0, diagonal - beam); j < end; j++) {
      const isKept = j > 0 && word === this.#reference[j - 1];
      const replaced = j > 0 ? before[j - 1] + (isKept ? 0 : 1) : FAR;
      const deleted = before[j] + 1;
      const inserted = j > 0 ? costs[j - 1] + 1 : FAR;
      const least = Math.min(replaced, deleted, inserted);
      if (least >= FAR) continue;
      costs[j] = least;
      edits[j] = least === replaced ? isKept ? KEPT : REPLACED : least === deleted ? DELETED : INSERTED;
    }
  }

  /** How a hypothesis lies beside the reference. */
  align(hypothesis: readonly string[]): Alignment {
    const edits = this.of(hypothesis);
    const places = Array<number>(this.#reference.length);
    const referenceErrors = Array<boolean>(this.#reference.length);
    const hypothesisErrors = Array<boolean>(this.#length);
    let [i, j] = [this.#length, this.#reference.length];
    while (i > 0 || j > 0) {
      const edit = this.#edits[i][j];
      if (edit === UNSET) {
        throw new Error(`internal: no edits lead to word ${i} of the hypothesis and ${j} of a reference`);
      }
      if (edit !== INSERTED) hypothesisErrors[i - 1] = edit !== KEPT;
      if (edit !== DELETED) {
        referenceErrors[j - 1] = edit !== KEPT;
        places[j - 1] = i - 1;
        j--;
      }
      if (edit !== INSERTED) i--;
    }
    return { edits, places, referenceErrors, hypothesisErrors };
  }
}
