/** How a beam search ranks what it finds, and when it ends. */
export interface BeamSearchOptions {
  /** How many beams are kept, 2 at least. */
  readonly beams: number;
  /**
   * What a text's length is raised to before its log probability is divided by that: above 0 longer texts gain, below 0
   * shorter ones. 1 by default, the mean by token.
   */
  readonly lengthPenalty?: number;
  /**
   * Which tokens that length counts: `generated`, the default, those that were generated, as transformers does; or
   * `sequence`, all of the decoder's with the prompt but for the token that ended the text, as transformers did before
   * version 4.36, whose search also ended by the best candidate, whether it goes on or not, and took all beams for texts
   * that reached the greatest length.
   */
  readonly penaltyOver?: "generated" | "sequence";
  /**
   * When a prompt's search ends that has as many texts as beams. `true`: at once. `false`, the default: when the best
   * beam, if it ended now, would rank below all of them. `"never"`: when it would even at the greatest length, if longer
   * texts gain.
   */
  readonly earlyStopping?: boolean | "never";
  /** How many of the texts that were found are given, the best first; 1 by default, at most as many as beams. */
  readonly best?: number;
}

/** What a search must know of its texts. */
export interface BeamSettings extends Required<BeamSearchOptions> {
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** Most tokens that are generated. */
  readonly most: number;
  /** Tokens of the prompt, or of what the decoder begins with. */
  readonly promptLength: number;
}

/** A text on its way. */
export interface Beam {
  /** Generated tokens. */
  readonly tokens: readonly number[];
  /** The sum of their log probabilities. */
  readonly logProbability: number;
}

/** A text that has ended, by a token or at the greatest length. */
export interface Hypothesis extends Beam {
  /** Its log probability over its length to the power of the length penalty. */
  readonly score: number;
}

/** A continuation of a beam by a token, with the log probability of the whole. */
export interface Candidate {
  readonly beam: number;
  readonly token: number;
  readonly logProbability: number;
}

/** The state of a prompt's search: nothing in it changes, {@linkcode advanceBeams} gives the next one. */
export interface BeamSearch {
  readonly settings: BeamSettings;
  /** As many as beams, the most likely first. */
  readonly running: readonly Beam[];
  /** Which beam of the state before each one of `running` continues: rows of the cache are reordered so. */
  readonly sources: readonly number[];
  /** At most as many as beams, the best first. */
  readonly finished: readonly Hypothesis[];
  /** Whether nothing can change any more. */
  readonly isDone: boolean;
}

/** What stands for the log probability of beams that are not there yet, as in transformers. */
export const ABSENT = -1e9;

/** How many candidates a step of a search needs, so that enough go on whichever of them end. */
export function candidatesNeeded({ beams, endTokens }: Pick<BeamSettings, "beams" | "endTokens">): number {
  return Math.max(2, 1 + endTokens.length) * beams;
}

/** The search before its first token: one beam, so that the first tokens differ. */
export function beginBeams(settings: BeamSettings): BeamSearch {
  const running = Array.from({ length: settings.beams }, (_, i): Beam => ({
    tokens: [],
    logProbability: i === 0 ? 0 : ABSENT,
  }));
  return { settings, running, sources: running.map((_, i) => i), finished: [], isDone: settings.most === 0 };
}

/** What a text of so many generated tokens is divided by. */
function divisor({ lengthPenalty, penaltyOver, promptLength }: BeamSettings, generated: number): number {
  return Math.pow(penaltyOver === "sequence" ? promptLength + generated : generated, lengthPenalty);
}

/** A beam as a text that has ended, perhaps by a token. */
function ended({ tokens, logProbability }: Beam, settings: BeamSettings, byToken: boolean): Hypothesis {
  const isUncounted = byToken && settings.penaltyOver === "sequence";
  return { tokens, logProbability, score: logProbability / divisor(settings, tokens.length - (isUncounted ? 1 : 0)) };
}

/** Whether the best beam could still rank above the worst of the texts that have ended. */
function mayImprove(settings: BeamSettings, best: number, finished: readonly Hypothesis[], generated: number): boolean {
  if (finished.length < settings.beams) return true;
  if (settings.earlyStopping === true) return false;
  const goesOn = settings.earlyStopping === "never" && settings.lengthPenalty > 0;
  return best / divisor(settings, goesOn ? settings.most : generated) > finished[finished.length - 1].score;
}

/**
 * Takes a step of a search, as `generate` of transformers does: of the most likely candidates, {@linkcode
 * candidatesNeeded} of them in descending order, those that end become texts if they are among the first so many as there
 * are beams, and the most likely others go on.
 */
export function advanceBeams(search: BeamSearch, candidates: readonly Candidate[]): BeamSearch {
  const { settings, running } = search;
  const { beams, endTokens, most } = settings;
  if (search.isDone) return search;
  const isOld = settings.penaltyOver === "sequence";
  const generated = running[0].tokens.length + 1;
  const isLast = generated >= most;
  const made = candidates.map(({ beam, token, logProbability }) => {
    const byToken = endTokens.includes(token);
    const ends = byToken || isLast && !isOld;
    return { beam, tokens: [...running[beam].tokens, token], logProbability, byToken, ends };
  });
  const best = (texts: readonly Hypothesis[]) => texts.toSorted((a, b) => b.score - a.score).slice(0, beams);
  const isThere = ({ logProbability }: Beam) => logProbability > ABSENT / 2;
  const found = made.slice(0, beams).filter((one) => one.ends && isThere(one));
  const finished = best([...search.finished, ...found.map((one) => ended(one, settings, one.byToken))]);
  // Those that end follow all others, and are there only where a vocabulary has too few tokens.
  const next = [...made.filter(({ ends }) => !ends), ...made.filter(({ ends }) => ends)].slice(0, beams);
  const mayGoOn = mayImprove(settings, (isOld ? made : next)[0].logProbability, finished, generated);
  const open = isOld && isLast && mayGoOn ? next.filter((one) => !one.ends && isThere(one)) : [];
  return {
    settings,
    running: next.map(({ tokens, logProbability, ends }) => ({
      tokens,
      logProbability: ends ? logProbability + ABSENT : logProbability,
    })),
    sources: next.map(({ beam }) => beam),
    finished: best([...finished, ...open.map((one) => ended(one, settings, false))]),
    isDone: isLast || !mayGoOn,
  };
}
