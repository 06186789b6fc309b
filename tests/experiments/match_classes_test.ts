import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import type { Head } from "../../experiments/runner/heads/head.ts";
import { matchClasses } from "../../experiments/runner/heads/match_classes.ts";
import { wordsOf } from "../../experiments/runner/data/raw_task.ts";
import { GLUE_TASKS } from "../../lib/data/mod.ts";

/** A head whose classes are called so. */
function head(labels: readonly string[], isNamed = true): Head {
  return { owner: "the model", source: "id2label", kind: "classes", outputs: labels.length, labels, isNamed };
}

/** All orders of some words. */
function orders<T>(words: readonly T[]): T[][] {
  if (words.length < 2) return [[...words]];
  return words.flatMap((word, i) => orders(words.toSpliced(i, 1)).map((rest) => [word, ...rest]));
}

const placeholders = (count: number) => head(Array.from({ length: count }, (_, i) => `LABEL_${i}`), false);

describe("matchClasses()", () => {
  for (const task of Object.values(GLUE_TASKS).filter(({ kind }) => kind === "classes")) {
    const words = wordsOf(task);
    it(`finds ${task.name}'s classes by any of their words, in any order, whatever their capitals`, () => {
      const columns = words[0].map((_, kind) => words.map((class_) => class_[kind]));
      for (const order of columns.flatMap((names) => orders(names))) {
        for (const write of [(word: string) => word, (word: string) => ` ${word.toUpperCase()}`]) {
          const labels = order.map(write);
          const match = matchClasses(words, head(labels))!;
          const found = match.order.map((number) => order[number]);
          expect([match.by, match.labels]).toEqual(["word", labels]);
          expect(found.every((word, i) => words[i].includes(word))).toBe(true);
        }
      }
    });

    it(`takes ${task.name}'s classes in GLUE's order where the head has but numbers, and in no other task's`, () => {
      const { length } = words;
      expect(matchClasses(words, placeholders(length))).toEqual({
        labels: task.labels,
        order: words.map((_, i) => i),
        by: "order",
      });
      expect(matchClasses(words, placeholders(length + 1))).toBeUndefined();
      expect(matchClasses(words, head([...task.labels.slice(1), "joy"]))).toBeUndefined();
    });
  }

  it("finds classes of a file that has fewer than the head", () => {
    const mnli = head(["contradiction", "neutral", "entailment"]);
    expect(matchClasses([["entailment"], ["neutral"]], mnli)?.order).toEqual([2, 1]);
    expect(matchClasses([["neutral"]], mnli)?.order).toEqual([1]);
  });

  it("prefers the word as it is, and refuses two labels of one class and a label of two", () => {
    expect(matchClasses([["us"], ["US"]], head(["US", "us"]))?.order).toEqual([1, 0]);
    expect(matchClasses([["yes"], ["YES"]], head(["yes", "no"]))).toBeUndefined();
    expect(matchClasses([["Us"]], head(["US", "us"]))).toBeUndefined();
  });

  it("takes numbers of data as places in a head with names only where they are all of them, or one", () => {
    const named = head(["negative", "neutral", "positive"]);
    expect(matchClasses([["0"], ["1"], ["2"]], named)).toEqual({
      labels: named.labels,
      order: [0, 1, 2],
      by: "number",
    });
    expect(matchClasses([["2"]], named)?.order).toEqual([2]);
    expect(matchClasses([["0"], ["2"]], named)).toBeUndefined();
    expect(matchClasses([["1"], ["2"], ["3"]], named)).toBeUndefined();
  });

  it("takes no number for a place in a head whose own words are numbers", () => {
    const ratings = head(["1", "2", "3"]);
    expect(matchClasses([["3"], ["1"]], ratings)?.order).toEqual([2, 0]);
    expect(matchClasses([["0"], ["1"], ["2"]], ratings)).toBeUndefined();
    expect(matchClasses([["0"]], ratings)).toBeUndefined();
    expect(matchClasses([["0"], ["1"]], head(["1", "0"]))?.order).toEqual([1, 0]);
  });

  it("of a head with numbers alone takes as many classes in their own order, and one class by its number", () => {
    const two = placeholders(2);
    expect(matchClasses([["bad"], ["good"]], two)).toEqual({ labels: ["bad", "good"], order: [0, 1], by: "order" });
    expect(matchClasses([["1"]], two)).toEqual({ labels: two.labels, order: [1], by: "number" });
    expect(matchClasses([["good"]], two)).toBeUndefined();
    expect(matchClasses([["0"], ["1"], ["2"]], placeholders(4))).toBeUndefined();
    expect(matchClasses([["LABEL_10"], ["LABEL_9"]], placeholders(12))?.order).toEqual([10, 9]);
  });
});
