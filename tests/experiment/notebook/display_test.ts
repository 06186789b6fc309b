import * as Plot from "@observablehq/plot";
import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { figure, recordTable, show, table, treeTable } from "../../../lib/experiment/notebook/display.ts";
import { COLOURS, figureSvg, stackSvg } from "../../../lib/experiment/figures/figure.ts";
import { formatNumber, tableHtml, tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import { tensor } from "../../../lib/tensor/mod.ts";
import { failed, finished, sampleSpec } from "../samples.ts";

/** Fails unless tags are nested as XML wants it: front ends show SVG as an image, which must be XML. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  const tag = /<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  const rest = svg.replace(tag, (_, end, name, __, isEmpty) => {
    if (end) expect(open.pop()).toBe(name);
    else if (!isEmpty) open.push(name);
    return "";
  });
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!(?:#\d+|lt|gt|amp|quot|apos);)/);
}

/** Every value of an attribute on elements of a name, in their order. */
function attributes(svg: string, element: string, name: string): string[] {
  return Array.from(svg.matchAll(new RegExp(`<${element} [^>]*?\\b${name}="([^"]*)"`, "g")), ([, value]) => value);
}

const points = [[0, 1, "delta-lora"], [1, 0, "delta-lora"], [0, 2, "lora"], [1, 1, "lora"]];
const losses = {
  title: "Losses",
  color: { domain: ["lora", "delta-lora"], legend: true },
  marks: [Plot.line(points, { x: "0", y: "1", stroke: "2" })],
};

describe("figureSvg()", () => {
  it("is XML, whatever the title and the names hold", () => {
    const svg = figureSvg({ ...losses, title: 'a < b & "c"', color: { domain: ["<1>", "&2"], legend: true } });
    expectWellFormed(svg);
    expect(svg).toContain("a &#60; b &#38; &#34;c&#34;");
  });

  it("stands on paper of its own with dark ink, so that it is read on light and dark", () => {
    expect(figureSvg(losses))
      .toMatch(/^<svg [^>]*\bcolor="#1f2328"[^>]*><rect width="100%" height="100%" rx="6" fill="#ffffff"\/>/);
  });

  it("says its title to those who do not see it", () => {
    expect(figureSvg(losses)).toMatch(/^<svg [^>]*\brole="img" aria-label="Losses"/);
  });

  it("gives its legend the colours of its lines, in the order of the domain", () => {
    const svg = figureSvg(losses);
    expect(attributes(svg, "circle", "fill")).toEqual([COLOURS[0], COLOURS[1]]);
    expect(svg.indexOf(">lora</text>")).toBeLessThan(svg.indexOf(">delta-lora</text>"));
    // The line of delta-lora comes first in the data.
    const strokes = attributes(svg, "path", "stroke").filter((stroke) => stroke.startsWith("#"));
    expect(strokes).toEqual([COLOURS[1], COLOURS[0]]);
  });

  it("has no legend unless it is asked for", () => {
    expect(figureSvg({ ...losses, color: { domain: ["lora", "delta-lora"] } })).not.toContain("<circle");
  });
});

describe("stackSvg()", () => {
  it("sets plots below each other, and is as high as all of them", () => {
    const plot = { height: 100, marks: [Plot.frame()] };
    const [one, two] = [[plot], [plot, { ...plot, height: 150 }]].map((plots) => stackSvg({ title: "t" }, plots));
    const tops = Array.from(two.matchAll(/<g class="plot[^>]*translate\(\d+, (\d+)\)/g), ([, y]) => Number(y));
    expect(tops[1] - tops[0]).toBe(100);
    expect(Number(attributes(two, "svg", "height")[0]) - Number(attributes(one, "svg", "height")[0])).toBe(150);
  });
});

describe("formatNumber()", () => {
  it("shows whole numbers in full, others with four digits, and tiny and huge ones by their power of ten", () => {
    expect([1234567, 0.123456, 12.3456, -0.5, 0, 1.234e-7, 1234567.8].map(formatNumber))
      .toEqual(["1,234,567", "0.1235", "12.35", "-0.5", "0", "1.2e-7", "1.2e+6"]);
  });
});

describe("tableHtml()", () => {
  it("sets columns of numbers to the right and escapes what is text", () => {
    const html = tableHtml([{ method: "a < b", loss: 0.5 }, { method: "c & d", loss: "1 ± 0.1" }]);
    expect(html).toContain('<td style="text-align: left">a &#60; b</td><td style="text-align: right">0.5</td>');
    expect(html).toContain('<td style="text-align: left">c &#38; d</td><td style="text-align: right">1 ± 0.1</td>');
  });

  it("has every heading that some row has, and an empty cell where a row lacks it", () => {
    const html = tableHtml([{ a: "x" }, { b: "y" }]);
    expect(html.match(/<th /g)?.length).toBe(2);
    expect(html).toContain('<td style="text-align: left">x</td><td style="text-align: left"></td>');
  });
});

describe("tableMarkdown()", () => {
  it("is the same table for those who read text", () => {
    expect(tableMarkdown([{ a: "x", n: 1 }])).toBe("| a  |  n |\n| :- | -: |\n| x  |  1 |");
  });
});

const zeros = (...shape: number[]) => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
/** Heads of the parts that open and close, with their tags left out. */
const parts = (html: string): string[] =>
  Array.from(html.matchAll(/<summary>(.*?)<\/summary>/g), ([, head]) => head.replace(/<[^>]*>/g, ""));

describe("treeTable()", () => {
  const layer = (i: number) => ({
    [`encoder.layer.${i}.query.weight`]: zeros(4, 4),
    [`encoder.layer.${i}.query.bias`]: zeros(4),
    [`encoder.layer.${i}.value.weight`]: zeros(4, 4),
    [`encoder.layer.${i}.value.bias`]: zeros(4),
  });

  it("is one table of paths, shapes, elements and bytes where there are few tensors", () => {
    const { "text/html": html, "text/plain": text } = treeTable({ "a.weight": zeros(2, 3), list: [zeros(5)] });
    expect(html).toContain("<b>2 tensors, 11 elements, 44 B</b>");
    expect(html).not.toContain("<details");
    expect(text.split("\n").slice(2).map((line) => line.split("|").map((cell) => cell.trim()).slice(1, -1))).toEqual([
      ["a.weight", "2 × 3", "f32", "6", "24"],
      ["list.0", "5", "f32", "5", "20"],
    ]);
  });

  it("has parts that open and close where there are many, by the dots of names, and joins names that are alone", () => {
    const html = treeTable({ ...layer(0), ...layer(1), ...layer(2) })["text/html"];
    expect(parts(html)).toEqual([
      "encoder.layer 12 tensors, 120 elements, 480 B",
      "0 4 tensors, 40 elements, 160 B",
      "1 4 tensors, 40 elements, 160 B",
      "2 4 tensors, 40 elements, 160 B",
    ]);
    expect(html.match(/<details/g)?.length).toBe(html.match(/<\/details>/g)?.length);
    expect(html).toContain(">query.weight</td>");
  });

  it("keeps many tensors beside each other in one table", () => {
    const html = treeTable({ ...layer(0), losses: Array.from({ length: 9 }, () => zeros(1)) })["text/html"];
    expect(parts(html)).toEqual([
      "encoder.layer.0 4 tensors, 40 elements, 160 B",
      "losses 9 tensors, 9 elements, 36 B",
    ]);
    expect(html.match(/<table>/g)).toHaveLength(2);
  });

  it("says of a state what is trained, frozen and written, and counts f16 by its bytes", () => {
    const half = tensor(new Float16Array(4), { shape: [4], dtype: "f16" });
    const state = { base: { W: zeros(2, 2), half }, trainable: { A: zeros(1, 2) }, step: zeros() };
    const rows = treeTable(state, { written: ["W"] })["text/plain"].split("\n").slice(2);
    const cellsOf = (row: string) => row.split("|").map((cell) => cell.trim()).filter(Boolean);
    expect(rows.map((row) => cellsOf(row)).map((row) => [row[0], row[4], row[5]])).toEqual([
      ["base.W", "16", "written"],
      ["base.half", "8", "frozen"],
      ["trainable.A", "8", "trained"],
      ["step", "4", "kept"],
    ]);
    expect(treeTable(state)["text/plain"]).toMatch(/base\.W .* frozen/);
  });

  it("escapes names", () => {
    expect(treeTable({ "a<b": zeros(1) })["text/html"]).toContain("a&#60;b");
  });
});

describe("recordTable()", () => {
  it("has a row for each run, a column for what differs within a method, and dashes where a run has no number", () => {
    const rank = (rank: number) => sampleSpec({ method: { name: "lora", rank, alpha: 16 } });
    const text = recordTable([finished(rank(4)), failed(rank(8))])["text/plain"];
    const [head, , first, second] = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    const cell = (row: string[], name: string) => row[head.indexOf(name)];
    expect(head).not.toContain("alpha");
    expect([first, second].map((row) => [cell(row, "rank"), cell(row, "score"), cell(row, "peak memory")])).toEqual([
      ["4", "0.5", "6144.00 MiB"],
      ["8", "–", "–"],
    ]);
    expect(cell(second, "failed")).toBe("the loss is NaN at step 2");
  });
});

describe("show()", () => {
  it("takes figures that are drawn already, by the title that they say", () => {
    const drawn = figureSvg({ ...losses, title: "Drawn" });
    expect(figure(drawn)).toEqual({ "image/svg+xml": drawn, "text/plain": "Drawn" });
  });

  it("takes figures and tables that have a form in plain text, too", () => {
    expect(figure(losses)["text/plain"]).toBe("Losses");
    expect(table([{ a: 1 }])["text/plain"]).toContain("|  1 |");
  });

  it("throws where there is no notebook to show something in", async () => {
    await expect(show("text")).rejects.toThrow("only available in `deno jupyter`");
  });
});
