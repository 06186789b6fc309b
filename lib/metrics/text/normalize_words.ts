import { splitWords } from "./rows.ts";

/** Letters that are part of words for METEOR: of Western Europe, and Cyrillic ones. */
const LETTERS = "A-Za-zŠŽšžŸÀ-ÖØ-öø-žЀ-ӿԀ-ԧꙀ-ꙮ꙾-ꚗᴀ-ᵿ";

/** In the order in which they are applied. */
const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`([^0-9${LETTERS}\\s.'\`,\\-‘’])`, "gu"), " $1 "],
  [/([^0-9])[,]([^0-9])/gu, "$1 , $2"],
  [/([0-9])[,]([^0-9])/gu, "$1 , $2"],
  [/([^0-9])[,]([0-9])/gu, "$1 , $2"],
  [/[`‘’]/g, "'"],
  [/[“”]|''/g, ' " '],
  [/–/g, "-"],
  [/--/g, "-"],
  [new RegExp(`([0-9${LETTERS}.])-([0-9${LETTERS}])`, "gu"), "$1 $2"],
  [new RegExp(`([^${LETTERS}])'([^${LETTERS}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([^${LETTERS}0-9])'([${LETTERS}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([^${LETTERS}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([${LETTERS}])'([${LETTERS}])`, "gu"), "$1 '$2"],
  [/([0-9])'(s)/g, "$1 '$2"],
];

/** Words that keep the period behind them, the way Moses' tokenizer has them; the last few only before a number. */
const ABBREVIATIONS: ReadonlySet<string> = new Set(
  ("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con " +
    "Corp Cpl DR Dr Drs Ens Gen Gov Hon Hr Hosp Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc " +
    "Ph Prof Pvt Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg v vs i.e rev e.g Nos Nr").split(" "),
);
const BEFORE_NUMBERS: ReadonlySet<string> = new Set(["No", "Art", "pp"]);

/** A character of no text stands for each period of an ellipsis meanwhile. */
const ELLIPSIS_PERIOD = "\uE000";

/**
 * The words of an English text like METEOR's normalization makes them, in lower case: punctuation alone, contractions
 * parted (`do n't` is `don 't`), words with hyphens parted without them, abbreviations of letters without periods.
 */
export function normalizeWords(text: string): string[] {
  const [[others, separated], ...rest] = REPLACEMENTS;
  const line = ` ${text} `.replace(others, separated)
    .replace(/\.{2,}/g, (run) => ` ${ELLIPSIS_PERIOD.repeat(run.length)} `);
  const words = splitWords(rest.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), line));
  return words.flatMap((word, at) => partPeriod(word, words[at + 1] ?? "")).map((word) =>
    word.replaceAll(ELLIPSIS_PERIOD, ".").toLowerCase()
  );
}

function partPeriod(word: string, next: string): string[] {
  if (word.length < 2 || !word.endsWith(".")) return [word];
  const before = word.slice(0, -1);
  if (before.includes(".") && new RegExp(`[${LETTERS}]`, "u").test(before)) return [word.replaceAll(".", "")];
  const isKept = ABBREVIATIONS.has(before) || /^[a-z]/.test(next) ||
    (BEFORE_NUMBERS.has(before) && /^[0-9]/.test(next));
  return isKept ? [word] : [before, "."];
}
