import { pythonMatch } from "./python_pattern.ts";

/** PEFT's expression for a key, of which older versions of Python let the modes stand behind others. */
function expressionOf(key: string): RegExp {
  const [, modes, rest] = /^((?:\(\?[aimsux]+\))?)(.*)$/s.exec(key)!;
  return pythonMatch(`${modes}(.*\\.)?(${rest})$`);
}

/**
 * The value that PEFT's `rank_pattern` or `alpha_pattern` gives a module: that of the first key which, as a regular
 * expression of Python's, is the path or what follows one of its dots; else that of the key which is the path.
 *
 * Throws an `UntranslatablePattern` where a key is no expression, or has no equal here.
 */
export function patternValue(
  pattern: Readonly<Record<string, number>> | undefined,
  path: string,
): number | undefined {
  const own = pattern ?? {};
  const found = Object.keys(own).find((key) => expressionOf(key).test(path)) ?? path;
  return Object.hasOwn(own, found) ? own[found] : undefined;
}
