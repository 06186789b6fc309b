import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { DOMParser } from "linkedom";
import {
  axisFigure,
  axisPoints,
  compare,
  comparisonFigure,
  meanInterval,
  paretoFigure,
  paretoFront,
  paretoTable,
} from "../../../lib/experiment/mod.ts";
import { drawnRows } from "../samples_of_scores.ts";

const rootOf = (svg: string) =>
  new DOMParser().parseFromString(svg, "image/svg+xml").documentElement as unknown as Element;
const textsOf = (root: Element) => Array.from(root.querySelectorAll("text"), ({ textContent }) => textContent);
const marks = (root: Element, label: string, tag: string) =>
  Array.from(root.querySelectorAll(`[aria-label="${label}"] ${tag}`));
const at = (element: Element, name: string) => Number(element.getAttribute(name));

describe("comparisonFigure()", () => {
  const means = { lora: 0.7, "delta-lora": 0.73, full: 0.66 };
  const rows = drawnRows({ means, tasks: ["rte", "cola"], seeds: 4, spread: 0.01, seed: 1 });

  it("draws each method's difference within its interval, and where 0 lies", () => {
    const root = rootOf(comparisonFigure(compare(rows, { baseline: "lora" })));
    const dots = marks(root, "dot", "circle");
    const [zero, ...others] = marks(root, "rule", "line");
    expect(dots).toHaveLength(2);
    expect(others).toHaveLength(2);
    dots.forEach((dot, i) => {
      expect(at(dot, "cx")).toBeGreaterThan(at(others[i], "x1"));
      expect(at(dot, "cx")).toBeLessThan(at(others[i], "x2"));
      expect(at(dot, "cy")).toBe(at(others[i], "y1"));
    });
    // delta-lora is higher, full lower.
    expect(at(dots[0], "cx")).toBeGreaterThan(at(zero, "x1"));
    expect(at(dots[1], "cx")).toBeLessThan(at(zero, "x1"));
    for (const text of ["delta-lora", "full", "score minus lora's, points"]) expect(textsOf(root)).toContain(text);
    expect(textsOf(root)).toContain("Differences to lora, with 95 % intervals");
  });

  it("draws no interval of a single pair, and a row without marks for what shares none", () => {
    const few = [
      ...rows,
      { task: "rte", seed: 0, method: "single", score: 0.7 },
      { task: "rte", seed: 99, method: "far", score: 0.7 },
    ];
    const root = rootOf(comparisonFigure(compare(few, { baseline: "lora" })));
    expect(marks(root, "dot", "circle")).toHaveLength(3);
    expect(marks(root, "rule", "line")).toHaveLength(3);
    expect(textsOf(root)).toContain("far");
  });
});

describe("axisPoints()", () => {
  it("has the mean and the interval of each method and value, ascending, without failed runs", () => {
    const rows = [8, 2].flatMap((rank) =>
      drawnRows({ means: { lora: 0.7 }, tasks: ["rte", "cola"], seeds: 3, spread: 0.01, seed: rank })
        .map((row) => ({ ...row, rank }))
    );
    const failed = rows.map((row) => row.rank === 2 && row.seed === 0 ? { ...row, score: undefined } : row);
    const points = axisPoints(failed, { axis: "rank" });
    expect(points.map(({ at, runs }) => [at, runs])).toEqual([[2, 4], [8, 6]]);
    const scores = (task: string) => rows.filter((row) => row.rank === 8 && row.task === task).map((row) => row.score!);
    expect(points[1].mean).toBeCloseTo([...scores("rte"), ...scores("cola")].reduce((a, b) => a + b) / 6, 12);
    expect([points[1].low, points[1].high]).toEqual(
      [...meanInterval([scores("rte"), scores("cola")])!],
    );
  });
});

describe("axisFigure()", () => {
  const rowsAt = (values: readonly number[]) =>
    values.flatMap((lambda) =>
      drawnRows({ means: { lora: 0.7, dora: 0.72 }, tasks: ["rte"], seeds: 3, spread: 0.01, seed: 4 })
        .map((row) => ({ ...row, lambda }))
    );
  /** Places of the dots of one line. */
  const places = (values: readonly number[]) => {
    const root = rootOf(axisFigure(rowsAt(values), { axis: "lambda", label: "λ" }));
    return marks(root, "dot", "circle").slice(0, values.length).map((dot) => at(dot, "cx"));
  };

  it("has a line, a band and dots for each method, and names the axis and its values", () => {
    const root = rootOf(axisFigure(rowsAt([0, 0.5, 2]), { axis: "lambda", label: "λ" }));
    expect(marks(root, "line", "path")).toHaveLength(2);
    expect(marks(root, "area", "path")).toHaveLength(2);
    expect(marks(root, "dot", "circle")).toHaveLength(6);
    for (const text of ["λ", "0", "0.5", "2", "lora", "dora", "mean score, per cent"]) {
      expect(textsOf(root)).toContain(text);
    }
  });

  it("is logarithmic where values are positive and spread, and linear otherwise", () => {
    const [a, b, c] = places([1, 4, 16]);
    expect(b - a).toBeCloseTo(c - b, 6);
    const [d, e, f] = places([0, 4, 16]);
    expect((f - e) / (e - d)).toBeCloseTo(3, 6);
    const [g, h, i] = places([1, 2, 4]);
    expect((i - h) / (h - g)).toBeCloseTo(2, 6);
  });

  it("draws dots without a band of one seed, and its frame where every run failed", () => {
    const one = rowsAt([1, 2]).filter(({ seed }) => seed === 0);
    expect(marks(rootOf(axisFigure(one, { axis: "lambda" })), "dot", "circle")).toHaveLength(4);
    expect(marks(rootOf(axisFigure(one, { axis: "lambda" })), "area", "path")).toHaveLength(0);
    const none = one.map((row) => ({ ...row, score: undefined }));
    expect(marks(rootOf(axisFigure(none, { axis: "lambda" })), "dot", "circle")).toHaveLength(0);
  });
});

describe("axisFigure() of methods with a single value each", () => {
  it("draws them without a warning, which a notebook would show", () => {
    const warn = console.warn;
    const warnings: unknown[] = [];
    console.warn = (...words) => warnings.push(words);
    try {
      const rows = drawnRows({ means: { lora: 0.7, dora: 0.72 }, tasks: ["rte"], seeds: 3, spread: 0.01, seed: 4 });
      axisFigure(rows.map((row) => ({ ...row, lambda: 1 })), { axis: "lambda" });
    } finally {
      console.warn = warn;
    }
    expect(warnings).toEqual([]);
  });
});

describe("paretoFront()", () => {
  const names = (points: Parameters<typeof paretoFront>[0]) =>
    paretoFront(points).filter(({ isOnFront }) => isOnFront).map(({ name }) => name);

  it("is what no other point dominates, by trying all", () => {
    const points = Array.from({ length: 60 }, (_, i) => ({
      name: `${i}`,
      quality: (i * 37 % 23) / 23,
      cost: i * 29 % 17,
    }));
    const dominates = (a: typeof points[0], b: typeof points[0]) =>
      a.quality >= b.quality && a.cost <= b.cost && (a.quality > b.quality || a.cost < b.cost);
    const expected = points.filter((point) => !points.some((other) => dominates(other, point)));
    expect(new Set(names(points))).toEqual(new Set(expected.map(({ name }) => name)));
    expect(expected.length).toBeGreaterThan(1);
  });

  it("keeps equal points together, and neither what costs more nor what is worse", () => {
    expect(names([
      { name: "a", quality: 0.5, cost: 1 },
      { name: "b", quality: 0.5, cost: 1 },
      { name: "dearer", quality: 0.5, cost: 2 },
      { name: "worse", quality: 0.4, cost: 1 },
    ])).toEqual(["a", "b"]);
  });

  it("refuses what is no number", () => {
    expect(() => paretoFront([{ name: "lora", quality: NaN, cost: 1 }])).toThrow(
      /Cannot rank lora .*quality NaN, cost 1/,
    );
  });
});

describe("paretoTable() and paretoFigure()", () => {
  const points = [
    { name: "full", quality: 0.71, cost: 9e8 },
    { name: "lora", quality: 0.7, cost: 2e8 },
    { name: "delta-lora", quality: 0.72, cost: 2.5e8 },
  ];

  it("list points by cost and mark the front", () => {
    const lines = paretoTable(points, { unit: "peak bytes" }).split("\n").map((line) =>
      line.split("|").slice(1, -1).map((cell) => cell.trim())
    );
    expect(lines[0]).toEqual(["method", "peak bytes", "score, per cent", "on the front"]);
    expect(lines.slice(2)).toEqual([
      ["lora", "200,000,000", "70.0", "yes"],
      ["delta-lora", "250,000,000", "72.0", "yes"],
      ["full", "900,000,000", "71.0", ""],
    ]);
  });

  it("draw a dot and a name a point, filled on the front, and one line through it", () => {
    const root = rootOf(paretoFigure(points, { unit: "peak bytes" }));
    const dots = marks(root, "dot", "circle");
    expect(dots.map((dot) => dot.getAttribute("fill"))).toEqual(["#0072B2", "#0072B2", "#ffffff"]);
    expect(marks(root, "line", "path")).toHaveLength(1);
    for (const { name } of points) expect(textsOf(root)).toContain(name);
  });

  it("put names of points that lie close together where they cover neither each other nor a dot", () => {
    const close = ["lora", "dora", "delta-lora", "lora-scaled", "adalora"].map((name, i) => ({
      name,
      quality: 0.7 + i / 1000,
      cost: 2e8 + i * 1e5,
    }));
    const root = rootOf(paretoFigure([...close, ...points], { unit: "peak bytes" }));
    const middleOf = (label: Element) =>
      label.getAttribute("transform")!.match(/translate\(([^,]+),([^)]+)\)/)!.slice(1).map(Number);
    const labels = marks(root, "text", "text").map((label) => {
      const [x, y] = middleOf(label);
      return { x, y, width: 6 * label.textContent!.length };
    });
    expect(labels).toHaveLength(8);
    expect(root.querySelector('[aria-label="text"]')!.getAttribute("fill")).not.toBe("none");
    labels.forEach((a, i) => {
      for (const b of labels.slice(i + 1)) {
        expect(a.x + a.width < b.x || b.x + b.width < a.x || Math.abs(a.y - b.y) >= 12).toBe(true);
      }
      for (const dot of marks(root, "dot", "circle")) {
        const [x, y] = [at(dot, "cx"), at(dot, "cy")];
        expect(x < a.x || x > a.x + a.width || Math.abs(y - a.y) >= 9).toBe(true);
      }
    });
  });
});
