import type { DecodingResult } from "./document.ts";
import { digits, milliseconds, pair, table } from "./format.ts";

/** How fast texts are written, by contender; ours is the first. */
export function decodingTable({ cases }: Pick<DecodingResult, "cases">): string {
  const names = [...new Set(cases.flatMap(({ contenders }) => contenders.map(({ name }) => name)))];
  const rows = cases.map(({ name, rows, contenders: [own, ...others] }) => {
    const speed = ({ best, median }: typeof own.timing) => pair(1000 * rows / best, 1000 * rows / median);
    const cells = names.slice(1).map((wanted) => {
      const found = others.find((one) => one.name === wanted);
      return found ? `${speed(found.timing)} (${digits(found.timing.best / own.timing.best)}×)` : "–";
    });
    return [name, milliseconds(own.timing), speed(own.timing), ...cells];
  });
  const heads = names.map((name, i) => i === 0 ? "tokens/s" : `${name}, tokens/s`);
  return table(["written at once", "ms a step", ...heads], rows);
}

/** What a step takes after so many tokens. */
export function cachedStepsTable({ steps }: Pick<DecodingResult, "steps">): string {
  const rows = steps.map(({ length, capacity, timing, ratio, attention }) => [
    String(length),
    String(capacity),
    milliseconds(timing),
    attention ? milliseconds(attention) : "–",
    pair(ratio.best, ratio.median),
  ]);
  const head = ["tokens before", "slots", "ms a step", "of these attention", `÷ after ${steps[0].length}`];
  return table(head, rows);
}

function transformersLine({ transformers, cases }: DecodingResult): string {
  if (typeof transformers === "string") return `Without transformers: ${transformers}.`;
  const versions = Object.entries(transformers.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const steps = cases.flatMap(({ name, contenders }) =>
    contenders.filter((one) => one.name === "transformers").map(({ timing }) => `${name} ${milliseconds(timing)}`)
  );
  return `In brackets: how many times as fast ours is. transformers (${versions}, ${transformers.threads} threads) took ` +
    `turns with ours on the same weights; ms a step: ${steps.join("; ")}.`;
}

/** The section in Markdown. */
export function decodingParts(result: DecodingResult): string[] {
  const { products, steps: [{ rows }] } = result;
  const share = products && `Of a step after ${result.steps[0].length} tokens, ${products.dispatches} products take ` +
      `${milliseconds(products.inStep)} ms in it, each a pass by the device's clock, and ${
        milliseconds(products.apart)
      } ms ` +
      `each repeated alone, ${digits(products.operations / products.inStep.best / 1e6)} GFLOP/s: the step takes ` +
      `${pair(products.step.best, products.step.median)} times as long as its products in it.`;
  return [
    "### Decoding",
    `${result.description}, random weights, prompts of one token:`,
    decodingTable(result),
    transformersLine(result),
    `A step of ${rows} rows into a cache that holds more and more tokens:`,
    cachedStepsTable(result),
    ...share ? [share] : [],
  ];
}
