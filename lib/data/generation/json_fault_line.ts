import { messageOf } from "../../text/message_of.ts";

/** What is wrong with a text when it is read for JSON; `undefined` where it is JSON. */
function faultOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * The line, from 1, on which a text ceases to be JSON. V8 says it of some faults; a token that it did not expect is on
 * the first line with which the text from its beginning has such a fault, and does not merely end too early.
 */
export function jsonFaultLine(text: string): number {
  const fault = faultOf(text) ?? "";
  const said = /\(line (\d+) column \d+\)/.exec(fault);
  if (said) return Number(said[1]);
  const lines = text.split("\n");
  if (!fault.startsWith("Unexpected token")) return lines.length;
  let [low, high] = [1, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (faultOf(lines.slice(0, middle).join("\n"))?.startsWith("Unexpected token")) high = middle;
    else low = middle + 1;
  }
  return low;
}
