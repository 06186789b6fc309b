import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { bundleClient } from "../../experiments/watch/bundle.ts";
import { FolderWatch } from "../../experiments/watch/folder_watch.ts";
import { watchPage } from "../../experiments/watch/page.ts";
import { serve } from "../../experiments/watch/serve.ts";
import { compare, scoredRuns } from "../../lib/experiment/mod.ts";
import { comparisonRows } from "../../lib/experiment/tables/comparison_table.ts";
import { runTask } from "../experiments/run_task.ts";
import { failed, sampleSpec } from "../experiment/samples.ts";
import { BrowserPage } from "../support/chromium.ts";
import { testFolder } from "../support/folder.ts";
import { fill, HOSTILE, record, specsOf } from "./folder.ts";

const TEXT = "document.body.innerText";
const ROWS = "[...document.querySelectorAll('#runs + * tbody tr')]";

/** The table of scores as the page shows it. */
const SCORES = "[...document.querySelectorAll('[aria-label=\"Scores with intervals of differences\"] tbody tr')]" +
  ".map((row) => [...row.cells].map((cell) => cell.textContent))";

describe("the page of deno task watch", () => {
  const folder = testFolder();
  const specs = specsOf(4);
  const last = specs[7];
  let server: ReturnType<typeof serve>;
  let browser: BrowserPage;

  beforeAll(async () => {
    await fill(folder, specs);
    server = serve({ watch: new FolderWatch(folder), page: await watchPage(await bundleClient()) });
    browser = await BrowserPage.open();
    await browser.goTo(`http://127.0.0.1:${server.addr.port}/`);
    await browser.until(`${ROWS}.length === 8`);
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await server.shutdown();
  });

  it("shows a run that ends while it is open, and the very intervals of comparisonTable()", async () => {
    expect(await browser.evaluate(`${ROWS}[7].cells[3].textContent`)).toBe("waiting");
    await record(folder, last);
    await browser.until(`${ROWS}[7].cells[3].textContent === "finished"`);
    const records = await Promise.all(specs.map((spec) => record(folder, spec)));
    const rows = comparisonRows(compare(scoredRuns(records), { baseline: "lora" }));
    expect(await browser.evaluate(SCORES)).toEqual(rows.map((row) => Object.values(row).map(String)));
    expect(await browser.evaluate("document.querySelectorAll('#curves + * svg path').length")).not.toBe(0);
    expect(await browser.evaluate("document.querySelector('#pareto ~ div figure svg').getAttribute('aria-label')"))
      .toBe("Scores against trained parameters, with the Pareto front");
  });

  it("shows runs alone that fit all filters", async () => {
    const filter = (name: string, value: string) =>
      browser.evaluate(`(() => {
        const label = [...document.querySelectorAll("fieldset label")].find((one) => one.textContent.startsWith("${name}"));
        const field = label.querySelector("select, input");
        field.value = "${value}";
        field.dispatchEvent(new Event(field.localName === "input" ? "input" : "change"));
      })()`);
    await filter("Method", "delta-lora");
    expect(await browser.evaluate(`${ROWS}.length`)).toBe(4);
    await filter("Settings", "seed=2 rank=4");
    expect(await browser.evaluate(`${ROWS}.length`)).toBe(1);
    await filter("Settings", "rank=5");
    expect(await browser.evaluate(`${ROWS}.length`)).toBe(0);
    await filter("Settings", "");
    await filter("Method", "");
    expect(await browser.evaluate(`${ROWS}.length`)).toBe(8);
  });

  it("puts a run's spec beside another's by the keyboard alone, and marks in words what differs", async () => {
    await browser.evaluate(`${ROWS}[5].querySelector("button").focus()`);
    await browser.press("Enter");
    expect(await browser.evaluate("document.activeElement.id")).toBe("specs");
    const marked = await browser.evaluate(
      "[...document.querySelectorAll('#specs ~ div tbody tr')].filter((row) => row.querySelector('mark'))" +
        ".map((row) => [...row.cells].map((cell) => cell.textContent))",
    );
    expect(marked).toEqual([
      ["method.name", "delta-lora", "lora", "differs"],
      ["method.rank", "4", "8", "differs"],
      ["seed", "1", "0", "differs"],
    ]);
    await browser.evaluate("document.querySelector('#specs + div input').focus()");
    await browser.press(" ");
    expect(await browser.evaluate("document.querySelectorAll('#specs ~ div tbody tr').length")).toBe(3);
  });

  it("is reached from its beginning by Tab: first what skips to the runs, then each field", async () => {
    await browser.goTo(`http://127.0.0.1:${server.addr.port}/`);
    await browser.until(`${ROWS}.length === 8`);
    const seen: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      await browser.press("Tab");
      seen.push(await browser.evaluate("document.activeElement.localName"));
    }
    expect(seen).toEqual(["a", "select", "select", "select", "input", "div"]);
  });

  it("has names for all that a screen reader finds", async () => {
    const found = await browser.accessible();
    const named = (role: string) => found.filter((one) => one.role === role).map(({ name }) => name.trim());
    expect(named("heading")).toEqual(["Runs", "Runs", "Curves", "Scores", "Scores and cost", "Specs"]);
    expect(named("combobox")).toEqual(["Task", "Method", "Status", "Baseline", "Cost", "Run", "beside"]);
    expect(named("searchbox")).toEqual(["Settings"]);
    expect(named("region")).toEqual(expect.arrayContaining(["Runs", "Scores with intervals of differences"]));
    expect(named("status")).toHaveLength(1);
    for (const role of ["button", "image", "combobox", "checkbox", "table", "region", "link"]) {
      expect(named(role)).not.toContain("");
    }
  });

  for (const scheme of ["light", "dark"]) {
    it(`has text that stands out from what it stands on where all is ${scheme}`, async () => {
      await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      const contrast = `(() => {
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 :
            ((part / 255 + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        const inks = ["body", "caption", "th button", "td"].map((one) => light(getComputedStyle(document.querySelector(one)).color));
        return [paper, Math.min(...inks.map((ink) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)))];
      })()`;
      const [paper, least] = JSON.parse(String(await browser.evaluate(`JSON.stringify(${contrast})`)));
      expect(paper > 0.5).toBe(scheme === "light");
      expect(least).toBeGreaterThan(4.5);
    });
  }

  it("reads no text as HTML, whatever a record says", async () => {
    const hostile = sampleSpec({ task: HOSTILE, seed: 9, method: { name: HOSTILE, rank: 2 } });
    const { status, error } = failed(hostile, HOSTILE);
    await record(folder, hostile, { status, error, result: undefined });
    await browser.until(`${TEXT}.includes("failed: <img")`);
    expect(await browser.evaluate("document.querySelectorAll('img').length")).toBe(0);
    expect(await browser.evaluate("globalThis.isHarmed === undefined")).toBe(true);
  });

  it("is one file with --export, which shows the same from disk and asks nobody", async () => {
    const path = `${folder}/page.html`;
    const { code, stdout, stderr } = await runTask("watch", [folder, "--export", path]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `written: ${path}\n`, stderr: "" });
    const shown = await browser.evaluate(SCORES);
    await browser.goTo(`file://${path}`);
    await browser.until(`${ROWS}.length === 9`);
    expect(await browser.evaluate(SCORES)).toEqual(shown);
    expect(await browser.evaluate("performance.getEntriesByType('resource').length")).toBe(0);
    expect(await browser.evaluate("document.querySelectorAll('img').length")).toBe(0);
    expect(browser.said).toEqual([]);
  });
});
