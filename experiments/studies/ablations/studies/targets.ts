import { equalParameters, type RunSpec } from "../../../../lib/experiment/specs/mod.ts";
import type { Condition, Study } from "./study.ts";

const RANK = 8;
const METHODS = ["lora", "delta-lora"];
/** All linear layers of an encoder under BERT's names: attention and feed-forward. */
const ALL_LINEAR =
  "(.*\\.)?encoder\\.layer\\.\\d+\\.(attention\\.self\\.(query|key|value)|attention\\.output\\.dense|" +
  "intermediate\\.dense|output\\.dense)";

/** Parameters of factors of rank 1 on queries and values, and on all linear layers. */
function perRank({ model: { hiddenSize: h, intermediateSize: i = 4 * h, layers } }: RunSpec) {
  return { queryValue: layers * 2 * 2 * h, all: layers * (4 * 2 * h + 2 * (h + i)) };
}

/** The rank on all linear layers that trains about as many parameters as queries and values do. */
export function equalRank(spec: RunSpec): number {
  const { queryValue, all } = perRank(spec);
  return equalParameters(RANK * queryValue, { all: (rank) => rank * all })[0].rank;
}

const few = (method: string) => `${method} q and v`;
const same = (method: string) => `${method} all at same r`;
const equal = (method: string) => `${method} all at equal size`;

function conditionsOf(method: string): Condition[] {
  const alpha = ({ method: { rank } }: RunSpec) => 2 * Number(rank);
  return [
    { name: few(method), method, set: { "method.rank": RANK, "method.alpha": alpha } },
    {
      name: equal(method),
      method,
      set: { "method.targets": ALL_LINEAR, "method.rank": equalRank, "method.alpha": alpha },
    },
    { name: same(method), method, set: { "method.targets": ALL_LINEAR, "method.rank": RANK, "method.alpha": alpha } },
  ];
}

/** Which layers should be adapted, at the same rank and at the same size. */
export const TARGETS: Study = {
  name: "targets",
  title: "Targets: queries and values, or all linear layers",
  question: "Which layers should be adapted, at the same rank and at about as many trained parameters?",
  notes: [
    `q and v at rank ${RANK}; all linear layers at that rank ("at same r") and at the rank whose factors come closest to as ` +
    `many parameters ("at equal size"); α is twice the rank.`,
  ],
  baseline: few("lora"),
  conditions: METHODS.flatMap(conditionsOf),
  pairs: [few, equal, same].map((name) => [name("delta-lora"), name("lora")] as const),
  figure: { kind: "differences" },
};
