import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { NOTEBOOK_DISPLAY, tensor } from "../../lib/tensor/mod.ts";

const displayOf = (data: readonly number[], shape: readonly number[], dtype: "f32" | "i32" | "bool" = "f32") =>
  tensor([...data], { shape: [...shape], dtype })[NOTEBOOK_DISPLAY]();
const cells = (html: string): string[][] =>
  Array.from(
    html.matchAll(/<tr>(.*?)<\/tr>/g),
    ([, row]) => Array.from(row.matchAll(/<td[^>]*>([^<]*)/g), ([, x]) => x),
  );
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a tensor in a notebook", () => {
  it("answers to the name under which Deno's kernel asks", async () => {
    const shown = tensor([1, 2]) as unknown as Record<symbol, () => Promise<Record<string, string>>>;
    expect((await shown[Symbol.for("Jupyter.display")]())["text/plain"]).toContain("Tensor f32 [2]");
  });

  it("says dtype, shape, least, greatest and mean element, and shows all of a small matrix", async () => {
    const { "text/html": html, "text/plain": text } = await displayOf([1, -2, 0.123456, 4.5], [2, 2]);
    expect(text).toBe("Tensor f32 [2, 2]\nmin −2, max 4.5, mean 0.9059\n1  −2\n0.1235  4.5");
    expect(html).toContain("<b>Tensor f32 [2, 2]</b> min −2, max 4.5, mean 0.9059");
    expect(cells(html)).toEqual([["1", "−2"], ["0.1235", "4.5"]]);
  });

  it("leaves out of the numbers what is not finite, and counts it", async () => {
    const { "text/plain": text } = await displayOf([NaN, 1, -Infinity, 3], [4]);
    expect(text.split("\n")[1]).toBe("min 1, max 3, mean 2, 2 of 4 not finite");
    expect((await displayOf([NaN, NaN], [2]))["text/plain"].split("\n")[1]).toBe("2 of 2 not finite");
  });

  it("shows the corner of a large matrix, with marks where it goes on", async () => {
    const rows = cells((await displayOf(upTo(200), [20, 10], "i32"))["text/html"]);
    expect(rows).toHaveLength(7);
    expect(rows[1]).toEqual([...upTo(8).map((i) => String(10 + i)), "…"]);
    expect(new Set(rows[6])).toEqual(new Set(["⋮"]));
  });

  it("shows the first matrix of several, and says so", async () => {
    const { "text/html": html } = await displayOf(upTo(24), [3, 2, 2, 2]);
    expect(html).toContain("first of 6 matrices:");
    expect(cells(html)).toEqual([["0", "1"], ["2", "3"]]);
  });

  it("is one number for a scalar, and its shape alone where it has no elements", async () => {
    expect(cells((await displayOf([7], []))["text/html"])).toEqual([["7"]]);
    expect(await displayOf([], [0, 3])).toEqual({
      "text/plain": "Tensor f32 [0, 3]",
      "text/html": "<div>Tensor f32 [0, 3]</div>",
    });
  });

  it("says that it is gone in place of throwing", async () => {
    const gone = tensor([1, 2, 3]);
    gone.dispose();
    expect(await gone[NOTEBOOK_DISPLAY]()).toEqual({ "text/plain": "Tensor f32 [3], gone" });
  });
});
