import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { CompileWatch } from "../../../lib/compile/run/compile_watch.ts";

/** What is said of work that looks up at these milliseconds, and is done at the last of them. */
function linesOf(times: readonly number[]): string[] {
  const lines: string[] = [];
  let now = 0;
  using watch = new CompileWatch((line) => lines.push(line), { name: "step", operations: 3412 }, () => now);
  for (now of times) watch.look();
  watch.done();
  return lines;
}

describe("CompileWatch", () => {
  it("says nothing of what is compiled soon", () => {
    expect(linesOf([100, 1500, 1900])).toEqual([]);
  });

  it("says once what is compiled, with its operations, and how long it took", () => {
    expect(linesOf([100, 2100, 5000, 12_400])).toEqual([
      "compiling step: 3,412 operations …",
      "compiled step in 12 s",
    ]);
    expect(linesOf([2500])[1]).toBe("compiled step in 2.5 s");
  });

  it("speaks up while it is waited for, too", async () => {
    const lines: string[] = [];
    using watch = new CompileWatch((line) => lines.push(line), { name: "", operations: 2 });
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    watch.done();
    expect(lines[0]).toBe("compiling a function: 2 operations …");
    expect(lines[1]).toMatch(/^compiled a function in [2-9]\.\d s$/);
  });
});
