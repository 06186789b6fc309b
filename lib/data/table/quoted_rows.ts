import { npmModule } from "./npm_module.ts";
import type { Row } from "./rows.ts";

/** What of Papa Parse is used here: it comes without types. */
interface PapaParse {
  parse(text: string, options: {
    readonly delimiter: string;
    readonly newline: string;
    /** Rows that are read; 0 for all. */
    readonly preview: number;
    /** Gets each row, what is wrong with it, and the place in the text behind it. */
    readonly step: (row: {
      readonly data: readonly string[];
      readonly errors: readonly { readonly type: string; readonly code: string }[];
      readonly meta: { readonly cursor: number };
    }, parser: { abort(): void }) => void;
  }): void;
}

/** Rows of delimited text whose fields may stand in quotes, by Papa Parse. */
export interface QuotedRows {
  readonly rows: readonly Row[];
  /** The first place, if any, at which quotes do not fit; rows behind it are not there. */
  readonly fault?: { readonly at: number; readonly reason: string };
}

/** Counts lines up to growing places of a text. */
function lineCounter(text: string): (place: number) => number {
  let [line, from] = [1, 0];
  return (place) => {
    for (let feed = text.indexOf("\n", from); feed >= 0 && feed < place; feed = text.indexOf("\n", from)) {
      line++;
      from = feed + 1;
    }
    return line;
  };
}

/**
 * Splits delimited text into rows: a field that begins with a quote goes on to the next lone one, over delimiters and
 * line ends, and two quotes in it are one. A quote within any other field is text. A row counts from the line on which
 * it begins.
 */
export async function quotedRows(
  text: string,
  { delimiter, most = 0 }: { readonly delimiter: string; /** Rows that are read; 0 for all. */ readonly most?: number },
): Promise<QuotedRows> {
  const { default: papa } = await npmModule<{ readonly default: PapaParse }>("papaparse");
  const lineAt = lineCounter(text);
  const rows: Row[] = [];
  let fault: QuotedRows["fault"];
  let start = 0;
  papa.parse(text, {
    delimiter,
    newline: "\n",
    preview: most,
    step({ data, errors, meta }, parser) {
      const at = lineAt(start);
      rows.push({ at, cells: data.map((field, i) => i === data.length - 1 ? field.replace(/\r$/, "") : field) });
      const error = errors.find(({ type }) => type === "Quotes");
      if (error) {
        parser.abort();
        fault = {
          at,
          reason: error.code === "MissingQuotes"
            ? "a quote is opened in it that nothing closes"
            : 'a quoted field goes on behind its closing quote: a quote in it is written twice, ""',
        };
      }
      start = meta.cursor;
    },
  });
  return { rows, fault };
}
