import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import {
  advanceBeams,
  type BeamSearch,
  type BeamSettings,
  beginBeams,
  candidatesNeeded,
} from "../../lib/generate/beam_search.ts";
import fixture from "../fixtures/generate.json" with { type: "json" };
import { optionsOf, type PythonCase } from "./cases.ts";

/** Log probabilities of what follows tokens, by the fixture's tables. */
function logProbabilities(tokens: readonly number[]): number[] {
  const [before, last] = [tokens[tokens.length - 2], tokens[tokens.length - 1]];
  const logits = fixture.last[last].map((x, i) => x + (before === undefined ? 0 : fixture.before[before][i]));
  const sum = Math.log(logits.reduce((total, x) => total + Math.exp(x), 0));
  return logits.map((x) => x - sum);
}

/** The whole search of a prompt, in float64. */
function search(prompt: readonly number[], settings: BeamSettings): BeamSearch {
  let state = beginBeams(settings);
  while (!state.isDone) {
    const candidates = state.running.flatMap(({ tokens, logProbability: sum }, beam) =>
      logProbabilities([...prompt, ...tokens]).map((x, token) => ({ beam, token, logProbability: x + sum }))
    );
    candidates.sort((a, b) => b.logProbability - a.logProbability);
    state = advanceBeams(state, candidates.slice(0, candidatesNeeded(settings)));
  }
  return state;
}

/** Cases that change no logits. */
const cases: readonly PythonCase[] = fixture.cases.filter(({ name }) =>
  /beams/.test(name) && !/least|lengths|without repeated|penalty$|last token|all at once/.test(name)
);

describe("beam search", () => {
  it("has cases of all ways to end", () => {
    expect(cases.length).toBeGreaterThan(12);
  });

  for (const one of cases) {
    it(`finds the texts and scores of transformers: ${one.name}`, () => {
      const { beamSearch, maxNewTokens } = optionsOf(one);
      if (!beamSearch || maxNewTokens === undefined) throw new Error("the case has beams and a length");
      for (const [row, prompt] of one.prompts.entries()) {
        const { finished, isDone } = search(prompt, {
          lengthPenalty: 1,
          penaltyOver: "generated",
          earlyStopping: false,
          best: 1,
          ...beamSearch,
          endTokens: one.settings.eos_token_id ?? [],
          most: maxNewTokens,
          promptLength: prompt.length,
        });
        expect(isDone).toBe(true);
        const found = finished.slice(0, one.best);
        expect(found.map(({ tokens }) => tokens)).toEqual(one.texts[row].map(({ tokens }) => tokens));
        found.forEach(({ score }, i) => expect(score).toBeCloseTo(one.texts[row][i].score ?? NaN, 4));
      }
    });
  }

  it("gives back the state that it was given, unchanged", () => {
    const settings: BeamSettings = {
      beams: 2,
      lengthPenalty: 1,
      penaltyOver: "generated",
      earlyStopping: false,
      best: 1,
      endTokens: [0],
      most: 3,
      promptLength: 1,
    };
    const first = beginBeams(settings);
    const kept = structuredClone(first);
    const candidates = [1, 2, 0, 3].map((token, i) => ({ beam: 0, token, logProbability: -1 - i }));
    const next = advanceBeams(first, candidates);
    expect(first).toEqual(kept);
    expect(next.running.map(({ tokens }) => tokens)).toEqual([[1], [2]]);
    expect(next.finished).toEqual([]); // the end token is the third, and only the first two may end
    expect(next.sources).toEqual([0, 0]);
  });
});
