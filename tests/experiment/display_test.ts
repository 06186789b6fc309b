import * as Plot from "@observablehq/plot";
import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { figure, show, table } from "../../lib/experiment/display.ts";
import { COLOURS, figureSvg, stackSvg } from "../../lib/experiment/display_figure.ts";
import { formatNumber, tableHtml, tableMarkdown } from "../../lib/experiment/display_table.ts";

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

describe("show()", () => {
  it("takes figures and tables that have a form in plain text, too", () => {
    expect(figure(losses)["text/plain"]).toBe("Losses");
    expect(table([{ a: 1 }])["text/plain"]).toContain("|  1 |");
  });

  it("throws where there is no notebook to show something in", async () => {
    await expect(show("text")).rejects.toThrow("only available in `deno jupyter`");
  });
});
