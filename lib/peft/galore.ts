import { galore } from "../optim/galore.ts";
import { wholeWeights } from "./full.ts";
import { LOW_RANK, QUERIES_AND_VALUES, REFRESH_EVERY } from "./low_rank_options.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { isTarget } from "./targets.ts";

/**
 * The description of GaLore for trainers, command lines and records: `full` on the targets alone, stepped by
 * {@linkcode galore}; heads get Adam's steps.
 */
export const galoreMethod: MethodDescription = defineMethod({
  name: "galore",
  summary: "weights themselves, whose gradients Adam steps on a few of their singular vectors",
  paper: "https://arxiv.org/abs/2403.03507",
  options: {
    rank: { kind: "integer", help: "r: singular vectors that gradients are projected on", default: 8, minimum: 1 },
    refreshEvery: { ...REFRESH_EVERY, default: 200 },
    scale: {
      kind: "number",
      help: "how much steps on singular vectors weigh beside those of heads",
      default: 0.25,
      above: 0,
      isData: true,
    },
    targets: LOW_RANK.targets,
  },
  make: ({ targets }, { heads }) => wholeWeights("galore", { targets, heads }),
  optimizer: ({ rank, refreshEvery, scale }, { heads, ...descent }) =>
    galore({ ...descent, rank, refreshEvery, scale, isProjected: isTarget(heads) }),
  recipe: {
    learningRate: 3e-3,
    options: (steps) => ({
      rank: 8,
      refreshEvery: Math.max(1, Math.round(steps / 6)),
      scale: 1,
      targets: QUERIES_AND_VALUES,
    }),
  },
  trainsWeights: true,
});
