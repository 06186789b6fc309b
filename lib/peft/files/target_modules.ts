import type { ConfigFields } from "./config_fields.ts";
import { isLanguageHead } from "./decoder_parts.ts";
import { pythonFullMatch, pythonMatch } from "./python_pattern.ts";

type IsNamed = (path: string) => boolean;

const endsIn = (path: string, names: readonly string[]) => names.some((name) => path.endsWith(`.${name}`));

/** Modules by whole names or what follows a dot in them; or by an expression of Python's that whole names match. */
function named(fields: ConfigFields, field: string): IsNamed {
  const names = fields.names(field) ?? [];
  if (typeof names !== "string") return (path) => names.includes(path) || endsIn(path, names);
  if (names === "") return () => false;
  const expression = fields.reading(field, () => pythonFullMatch(names));
  return (path) => expression.test(path);
}

/** Modules in one of the layers that are chosen: in all, where no number is given. */
function inLayers(fields: ConfigFields): IsNamed {
  const numbers = fields.numbers("layers_to_transform");
  if (numbers.length === 0) return () => true;
  const patterns = fields.list("layers_pattern").filter((pattern) => pattern !== "");
  const places = patterns.length === 0 ? [".*?\\.[^.]*"] : patterns.map((pattern) => `(?:^|.*?\\.)${pattern}`);
  const expressions = fields.reading(
    "layers_pattern",
    () => places.map((place) => pythonMatch(`${place}\\.(?P<idx>\\d+)\\.`)),
  );
  return (path) => {
    const found = expressions.map((expression) => expression.exec(path)).find((match) => match !== null);
    return found !== undefined && numbers.includes(Number(found.groups!.idx));
  };
}

/** Modules that lie in what is saved whole, which PEFT takes for expressions here. */
function inSaved(fields: ConfigFields, saved: readonly string[]): IsNamed {
  const expressions = fields.reading(
    "modules_to_save",
    () => saved.map((name) => pythonMatch(`(^|.*\\.)${name}($|\\..*)`)),
  );
  return (path) => expressions.some((expression) => expression.test(path));
}

/**
 * Whether PEFT adapts a module of that path by an adapter's `target_modules`, `exclude_modules`, `layers_to_transform` and
 * `layers_pattern`, where `saved` is what it saves whole. Layers restrict endings alone, not whole names.
 *
 * Throws an Error that names the field whose expression is none of Python's, or has no equal here.
 */
export function targetTest(
  fields: ConfigFields,
  saved: readonly string[],
): (path: string, kind: "linear" | "table") => boolean {
  const [isExcluded, isSaved] = [named(fields, "exclude_modules"), inSaved(fields, saved)];
  const isOut = (path: string) => isExcluded(path) || isSaved(path);
  const targets = fields.names("target_modules") ?? [];
  if (typeof targets === "string") {
    if (targets.toLowerCase() === "all-linear") {
      return (path, kind) => kind === "linear" && !isLanguageHead(path) && !isOut(path);
    }
    const isNamed = named(fields, "target_modules");
    return (path) => isNamed(path) && !isOut(path);
  }
  const isChosen = inLayers(fields);
  return (path) => (targets.includes(path) || endsIn(path, targets) && isChosen(path)) && !isOut(path);
}
