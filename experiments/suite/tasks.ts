import { ACTORS, BLAME, PLACES, PRAISE, QUALITIES, WORKS } from "./lexicon.ts";
import { Choices } from "./random.ts";
import { ask, askWho, miss, say, type Scene, scene, type Wording } from "./scenes.ts";

/** The tasks use both registers alike. */
const RAISED = 0.5;

const wording = (choices: Choices): Wording => ({
  raised: RAISED,
  isPassive: choices.chance(0.2),
  placeFirst: choices.chance(0.2),
});

/** Breaks a grammatical sentence. */
function corrupt(words: readonly string[], choices: Choices): string[] {
  const broken = [...words];
  const at = choices.below(words.length - 1);
  switch (choices.below(4)) {
    case 0: // two neighbours change places
      [broken[at], broken[at + 1]] = [broken[at + 1], broken[at]];
      break;
    case 1: // a word is doubled
      broken.splice(at, 0, broken[at]);
      break;
    case 2: { // a determiner goes, or comes where none may be
      const determiner = broken.findIndex((word) => ["the", "a", "an", "some", "this", "these"].includes(word));
      broken.splice(determiner, 1);
      break;
    }
    case 3: { // a determiner of the other number
      const turn: Record<string, string> = {
        a: "these",
        an: "these",
        this: "these",
        these: "this",
        some: "a",
        the: "the the",
      };
      const determiner = broken.findIndex((word) => word in turn);
      broken[determiner] = turn[broken[determiner]];
      break;
    }
  }
  return broken.join(" ") === words.join(" ") ? corrupt(words, choices) : broken;
}

type Row = readonly string[];

/** CoLA: is the sentence grammatical? Six of ten are. */
function acceptability(choices: Choices): Row {
  const sentence = say(scene(choices), choices, wording(choices));
  const isGrammatical = choices.chance(0.6);
  const words = isGrammatical ? sentence.split(" ") : corrupt(sentence.split(" "), choices);
  return ["suite", isGrammatical ? "1" : "0", isGrammatical ? "" : "*", `${words.join(" ")} .`];
}

/** What stands before a word of praise or blame and leaves it as it is, or turns it round. */
const KEEPERS = ["", "", "", "", "not far from", "nothing but"];
const TURNERS = ["not", "never", "hardly", "far from"];

/** Says of a work that it is good or bad: by a word for that, or by one for the opposite that is turned round. */
function verdict(isPraise: boolean, choices: Choices): string {
  const isTurned = choices.chance(0.3);
  const word = choices.pick(isPraise !== isTurned ? PRAISE : BLAME);
  const before = choices.pick(isTurned ? TURNERS : KEEPERS);
  return ["the", choices.pick(WORKS), choices.pick(["is", "was"]), before, word].filter(Boolean).join(" ");
}

/**
 * SST-2: praise or blame? Three of ten words are turned round; where two verdicts contradict each other, the one that is
 * granted counts less.
 */
function sentiment(choices: Choices): Row {
  const isPraise = choices.chance(0.5);
  const [same, again, other] = [isPraise, isPraise, !isPraise].map((side) => verdict(side, choices));
  const sentence = choices.pick([
    same,
    same,
    `${same} and ${again}`,
    `${other} , but ${same}`,
    `${same} , though ${other}`,
  ]);
  return [`${sentence} .`, isPraise ? "1" : "0"];
}

/** MRPC: the same in other words, or another matter that shares who acts, or on what? Six of ten are the same. */
function paraphrase(choices: Choices): Row {
  const given = scene(choices);
  const isSame = choices.chance(0.6);
  const shared = choices.chance(0.5) ? { actor: given.actor } : { object: given.object };
  const other = isSame ? given : { ...scene(choices), ...shared };
  const id = () => String(1000 + choices.below(9000));
  return [
    isSame ? "1" : "0",
    id(),
    id(),
    `${say(given, choices, wording(choices))} .`,
    `${say(other, choices, wording(choices))} .`,
  ];
}

/** STS-B: how much two scenes have in common, from 0 to 5. */
function similarity(choices: Choices, index: number): Row {
  const given = scene(choices);
  const fresh = scene(choices);
  const keeps = {
    actor: choices.chance(0.6),
    act: choices.chance(0.6),
    object: choices.chance(0.6),
    place: choices.chance(0.6),
  };
  const other: Scene = {
    actor: keeps.actor ? given.actor : fresh.actor,
    act: keeps.act ? given.act : fresh.act,
    object: keeps.object ? given.object : fresh.object,
    place: keeps.place ? given.place : fresh.place,
    time: keeps.place ? given.time : fresh.time,
    isPast: given.isPast,
  };
  const same = (a: Scene["actor"], b: Scene["actor"]) =>
    a.noun === b.noun ? 1.5 : a.noun.kind === b.noun.kind ? 0.5 : 0;
  const score = same(given.actor, other.actor) + same(given.object, other.object) +
    (given.act === other.act ? 1.5 : 0) +
    (given.place === other.place && given.time === other.time ? 0.5 : 0);
  return [
    String(index),
    "suite",
    "scenes",
    "generated",
    String(index),
    "none",
    "none",
    `${say(given, choices, wording(choices))} .`,
    `${say(other, choices, wording(choices))} .`,
    score.toFixed(3),
  ];
}

/** RTE: does the second sentence follow from the first? */
function entailment(choices: Choices, index: number): Row {
  const given = scene(choices);
  const follows = choices.chance(0.5);
  const shorter: Scene = { ...given, place: undefined, time: undefined };
  const how = {
    ...wording(choices),
    general: choices.chance(0.5) ? choices.pick(["actor", "object"] as const) : undefined,
  };
  let hypothesis: string;
  if (follows) hypothesis = say(shorter, choices, how);
  else if (choices.chance(0.4)) hypothesis = say(shorter, choices, { ...how, isNegated: true });
  else hypothesis = say(miss(shorter, choices), choices, { ...how, general: undefined });
  return [
    String(index),
    `${say(given, choices, wording(choices))} .`,
    `${hypothesis} .`,
    follows ? "entailment" : "not_entailment",
  ];
}

/** Columns of MNLI that hold nothing here. */
const NONE = (count: number): string[] => Array<string>(count).fill("n/a");

/** MNLI: does the second sentence follow from the first, contradict it, or may be? The split `mismatched` is raised. */
function inference(choices: Choices, index: number, split: SuiteSplit): Row {
  const how: Wording = { ...wording(choices), raised: split === "mismatched" ? 1 : 0.25 };
  const given: Scene = { ...scene(choices), place: undefined, time: undefined };
  const label = choices.pick(["entailment", "neutral", "contradiction"]);
  const general = choices.chance(0.5) ? choices.pick(["actor", "object"] as const) : undefined;
  let hypothesis: string;
  if (label === "entailment") hypothesis = say(given, choices, { ...how, general });
  else if (label === "contradiction") hypothesis = say(given, choices, { ...how, isNegated: true });
  else {
    // More than the first sentence says: where or when.
    const fresh = scene(choices);
    const place = fresh.place ?? (fresh.time === undefined ? choices.pick(PLACES) : undefined);
    hypothesis = say({ ...given, place, time: fresh.time }, choices, how);
  }
  const texts = [`${say(given, choices, how)} .`, `${hypothesis} .`];
  const labels = split === "train" ? [label] : Array<string>(5).fill(label);
  return [String(index), ...NONE(7), ...texts, ...labels, label];
}

/** QNLI: does the sentence answer the question? */
function answer(choices: Choices, index: number): Row {
  const given = scene(choices);
  const answers = choices.chance(0.5);
  // Another act or object than was asked for; who acts does not matter.
  let other = answers ? given : miss(given, choices);
  while (!answers && other.act === given.act && other.object.noun === given.object.noun) other = miss(given, choices);
  const question = `${askWho(given, choices, wording(choices))} ?`;
  const sentence = `${say(other, choices, wording(choices))} .`;
  return [String(index), question, sentence, answers ? "entailment" : "not_entailment"];
}

/** QQP: do two questions ask the same? Four of ten do. */
function sameQuestion(choices: Choices, index: number): Row {
  const given = scene(choices);
  const isSame = choices.chance(0.4);
  const other = isSame ? given : miss(given, choices);
  const [first, second] = [given, other].map((one) => `${ask(one, choices, wording(choices))} ?`);
  const ids = [0, 1, 2].map((offset) => String(3 * index + offset));
  return [...ids, first, second, isSame ? "1" : "0"];
}

/** WNLI: is the quality said of the one that the second sentence names? */
function reference(choices: Choices, index: number): Row {
  const given = scene(choices);
  const [actor, other] = [given.actor, {
    ...given.object,
    noun: choices.pickOther(ACTORS, (n) => n === given.actor.noun),
  }]
    .map((thing) => ({ ...thing, isPlural: false, quality: undefined }));
  const quality = choices.pick(QUALITIES)[0];
  const isTrue = choices.chance(0.5);
  const ofActor = choices.chance(0.5);
  const how = wording(choices);
  const core = say({ ...given, actor, object: other, place: undefined, time: undefined }, choices, {
    raised: how.raised,
  });
  const named = ofActor ? actor : other;
  const sentence = ofActor
    ? core.replace(actor.noun.singular, `${actor.noun.singular} who is ${quality}`)
    : `${core} who is ${quality}`;
  const asked = isTrue ? named : ofActor ? other : actor;
  return [String(index), `${sentence} .`, `the ${asked.noun.singular} is ${quality} .`, isTrue ? "1" : "0"];
}

/** Files of a task: `mismatched` is MNLI's second dev set. */
type SuiteSplit = "train" | "dev" | "mismatched";

interface SuiteTask {
  readonly folder: string;
  /** Names of the columns, where the first line has them. */
  readonly header?: string | ((split: SuiteSplit) => string);
  readonly row: (choices: Choices, index: number, split: SuiteSplit) => Row;
  /** Columns whose text makes a row what it is. */
  readonly texts: readonly number[];
  /** Names of the files, without `.tsv`, where they are not those of the splits. */
  readonly files?: Partial<Record<SuiteSplit, string>>;
}

const MNLI_COLUMNS =
  "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2";

const TASKS: readonly SuiteTask[] = [
  { folder: "CoLA", row: acceptability, texts: [3] },
  { folder: "SST-2", header: "sentence\tlabel", row: sentiment, texts: [0] },
  { folder: "MRPC", header: "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", row: paraphrase, texts: [3, 4] },
  {
    folder: "STS-B",
    header: "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
    row: similarity,
    texts: [7, 8],
  },
  { folder: "RTE", header: "index\tsentence1\tsentence2\tlabel", row: entailment, texts: [1, 2] },
  {
    folder: "MNLI",
    header: (split) =>
      [MNLI_COLUMNS, ...split === "train" ? ["label1"] : [1, 2, 3, 4, 5].map((i) => `label${i}`), "gold_label"].join(
        "\t",
      ),
    row: inference,
    texts: [8, 9],
    files: { dev: "dev_matched", mismatched: "dev_mismatched" },
  },
  { folder: "QNLI", header: "index\tquestion\tsentence\tlabel", row: answer, texts: [1, 2] },
  {
    folder: "QQP",
    header: "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
    row: sameQuestion,
    texts: [3, 4],
  },
  { folder: "WNLI", header: "index\tsentence1\tsentence2\tlabel", row: reference, texts: [1, 2] },
];

/** Rows of each split. */
export interface SuiteSizes {
  readonly train?: number;
  readonly dev?: number;
}

/**
 * Generates the nine tasks in GLUE's own files, such as `CoLA/train.tsv`: the same bytes for the same seed. No text of a
 * dev split is in its train split.
 */
export function generateSuite(seed: number, { train = 2000, dev = 400 }: SuiteSizes = {}): Map<string, string> {
  const files = new Map<string, string>();
  for (const { folder, header, row, texts, files: names = {} } of TASKS) {
    const choices = new Choices(seed).fork(folder);
    const seen = new Set<string>();
    const splits: [SuiteSplit, number][] = [["dev", dev], ["train", train]];
    if (names.mismatched) splits.splice(1, 0, ["mismatched", dev]);
    for (const [split, count] of splits) {
      const lines = header === undefined ? [] : [typeof header === "string" ? header : header(split)];
      for (let index = 0; index < count;) {
        const made = row(choices, index, split);
        const key = texts.map((column) => made[column]).join("\t");
        if (seen.has(key)) continue;
        seen.add(key);
        lines.push(made.join("\t"));
        index++;
      }
      files.set(`${folder}/${names[split] ?? split}.tsv`, `${lines.join("\n")}\n`);
    }
  }
  return files;
}
