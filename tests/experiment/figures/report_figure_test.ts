import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { DOMParser } from "linkedom";
import { reportFigure, type RunRecord } from "../../../lib/experiment/mod.ts";
import { failed, finished, sampleCurve, sampleSpec } from "../samples.ts";
import { overlaps } from "./svg_overlaps.ts";

const TASKS = ["cola", "rte"];
const METHODS = ["full", "lora", "delta-lora"];
const SEEDS = [0, 1];

const specs = TASKS.flatMap((task) =>
  METHODS.flatMap((name) => SEEDS.map((seed) => sampleSpec({ task, method: { name }, seed, metric: "accuracy" })))
);
const records: RunRecord[] = specs.map((spec, i) =>
  finished(spec, { metrics: { accuracy: i / 20 }, curve: sampleCurve(30) })
);

/** The figure's root. Fails where a tag is not closed by its own name or text is not escaped. */
function parsed(svg: string): Element {
  const open: string[] = [];
  for (const [, closes, name, closed] of svg.matchAll(/<(\/?)([A-Za-z]+)(?:\s[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (closes) expect(open.pop()).toBe(name);
    else if (!closed) open.push(name);
  }
  expect(open).toEqual([]);
  const rest = svg.replace(/<(\/?)([A-Za-z]+)(?:\s[\w:-]+="[^"<]*")*\s*(\/?)>/g, "");
  expect(rest).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|#\d+);)/);
  return new DOMParser().parseFromString(svg, "image/svg+xml").documentElement as unknown as Element;
}

const textsOf = (root: Element) => Array.from(root.querySelectorAll("text"), ({ textContent }) => textContent);
const countOf = (root: Element, label: string, mark: string) =>
  Array.from(root.querySelectorAll(`[aria-label="${label}"]`)).reduce(
    (count, group) => count + group.querySelectorAll(mark).length,
    0,
  );

describe("reportFigure()", () => {
  const root = parsed(reportFigure(records));

  it("is one well-formed SVG of a fixed size", () => {
    expect(root.tagName.toLowerCase()).toBe("svg");
    expect(root.getAttribute("xmlns")).toBe("http://www.w3.org/2000/svg");
    expect(root.getAttribute("viewBox")).toBe(`0 0 ${root.getAttribute("width")} ${root.getAttribute("height")}`);
    expect(root.querySelectorAll("svg")).toHaveLength(0);
  });

  it("has a circle for each seed's score and a bar for each mean", () => {
    expect(countOf(root, "dot", "circle")).toBe(specs.length);
    expect(countOf(root, "rule", "line")).toBe(TASKS.length * METHODS.length);
  });

  it("has a curve for each task and method, of the first seed", () => {
    expect(countOf(root, "line", "path")).toBe(TASKS.length * METHODS.length);
    expect(textsOf(root)).toContain("training loss, seed 0");
  });

  it("names tasks with their metrics, methods, and axes", () => {
    const texts = textsOf(root);
    for (const text of ["cola (accuracy)", "rte (accuracy)", ...METHODS, "score, per cent", "step"]) {
      expect(texts).toContain(text);
    }
  });

  it("gives each method one colour in the legend, the scores and the losses", () => {
    const legend = Array.from(root.children).filter(({ tagName }) => tagName.toLowerCase() === "circle");
    const colours = legend.map((circle) => circle.getAttribute("fill"));
    expect(new Set(colours).size).toBe(METHODS.length);
    const used = Array.from(root.querySelectorAll('[aria-label="line"] path'), (path) => path.getAttribute("stroke"));
    expect(new Set(used)).toEqual(new Set(colours));
  });

  it("draws what is there where some runs failed, and its frame where all did", () => {
    const some = parsed(reportFigure([...records.slice(1), failed(specs[0])]));
    expect(countOf(some, "dot", "circle")).toBe(specs.length - 1);
    const none = parsed(reportFigure(specs.map((spec) => failed(spec))));
    expect(countOf(none, "dot", "circle")).toBe(0);
    expect(textsOf(none)).toContain("cola (accuracy)");
  });

  it("marks methods whose colours come again: rings in the legend, other lines", () => {
    const many = Array.from({ length: 8 }, (_, i) => `method-${i}`);
    const root = parsed(
      reportFigure(many.map((name) => finished(sampleSpec({ method: { name } }), { curve: sampleCurve(9) }))),
    );
    const legend = Array.from(root.children).filter(({ tagName }) => tagName.toLowerCase() === "circle");
    expect(new Set(legend.map((circle) => `${circle.getAttribute("fill")} ${circle.getAttribute("stroke")}`)).size)
      .toBe(8);
    const dashes = Array.from(
      root.querySelectorAll('[aria-label="line"] path'),
      (path) => path.getAttribute("stroke-dasharray") ?? path.parentElement!.getAttribute("stroke-dasharray"),
    );
    expect(dashes.map((dash) => dash ?? "none").sort()).toEqual([...Array(2).fill("6 3"), ...Array(6).fill("none")]);
  });

  /** A curve whose points are so many steps apart that it ends there. */
  const curveTo = (steps: number) => sampleCurve(9).map((point, i) => ({ ...point, step: Math.round(i * steps / 8) }));

  it("lets no point or text cover another, whatever tasks, methods, seeds and scores there are", () => {
    const names = ["lora", "full", "delta-lora", "a-method-with-quite-a-long-name", "x"];
    const cases = fc.record({
      tasks: fc.integer({ min: 1, max: 9 }),
      methods: fc.integer({ min: 1, max: 14 }),
      seeds: fc.integer({ min: 1, max: 6 }),
      steps: fc.constantFrom(1, 2, 9, 100, 20_000),
      scores: fc.array(fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: -1, max: 1, noNaN: true })), {
        minLength: 1,
        maxLength: 7,
      }),
    });
    fc.assert(
      fc.property(cases, ({ tasks, methods, seeds, steps, scores }) => {
        const all = Array.from(
          { length: tasks },
          (_, task) =>
            Array.from({ length: methods }, (_, method) =>
              Array.from({ length: seeds }, (_, seed) =>
                finished(
                  sampleSpec({
                    task: `task${task}`,
                    metric: "accuracy",
                    method: { name: method < names.length ? names[method] : `method-${method}` },
                    seed,
                  }),
                  {
                    metrics: { accuracy: scores[(task * 7 + method * 3 + seed) % scores.length] },
                    curve: curveTo(steps),
                  },
                ))),
        );
        expect(overlaps(parsed(reportFigure(all.flat(2))))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it("gives the same text for the same records", () => {
    expect(reportFigure(records)).toBe(reportFigure(records));
  });
});
