import { flora } from "../optim/flora.ts";
import { wholeWeights } from "./full.ts";
import { LOW_RANK, QUERIES_AND_VALUES, REFRESH_EVERY } from "./low_rank_options.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { isTarget } from "./targets.ts";

/**
 * The description of Flora for trainers, command lines and records: `full` on the targets alone, stepped by
 * {@linkcode flora}; heads get Adam's steps.
 */
export const floraMethod: MethodDescription = defineMethod({
  name: "flora",
  summary: "weights themselves, with momentum on random directions and a factored second moment",
  paper: "https://arxiv.org/abs/2402.03293",
  options: {
    rank: { kind: "integer", help: "r: directions that momentum is kept on", default: 8, minimum: 1 },
    refreshEvery: { ...REFRESH_EVERY, default: 1000 },
    momentum: { kind: "number", help: "β₁: decay of the momentum", default: 0.9, minimum: 0, below: 1 },
    targets: LOW_RANK.targets,
  },
  make: ({ targets }, { heads }) => wholeWeights("flora", { targets, heads }),
  optimizer: ({ rank, refreshEvery, momentum }, { heads, ...descent }) =>
    flora({ ...descent, rank, refreshEvery, momentum, isProjected: isTarget(heads) }),
  recipe: {
    learningRate: 1e-3,
    options: (steps) => ({
      rank: 8,
      refreshEvery: Math.max(1, Math.round(steps / 6)),
      momentum: 0.9,
      targets: QUERIES_AND_VALUES,
    }),
  },
  // A step moves whole weights, as full fine-tuning does.
  learningRate: 5e-5,
  trainsWeights: true,
});
