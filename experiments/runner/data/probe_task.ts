import { sha256 } from "../../../lib/io/sha256.ts";
import { type EncoderSize, SUITE_ENCODERS } from "../../suite/encoders.ts";
import { SUITE_SEED } from "../../suite/mod.ts";
import { probeData } from "../../suite/probe_data.ts";
import { ANSWERS, type ProbeName } from "../../suite/probes.ts";
import type { RawTask } from "./raw_task.ts";

/** A probe of an encoder of the suite. Throws as {@linkcode probeData}. */
export async function probeTask(name: ProbeName, size: EncoderSize = "small"): Promise<RawTask> {
  const { train, dev, bias, encoder } = await probeData(name, SUITE_ENCODERS[size].url, SUITE_SEED);
  return {
    name,
    kind: "classes",
    labels: ANSWERS,
    metrics: ["accuracy"],
    train,
    sets: { dev },
    readout: { bias, encoder },
    source: `generated texts of the suite (${name})`,
    hash: await sha256(JSON.stringify([name, encoder, bias, train, dev])),
    words: ANSWERS.map((word) => [word]),
    ownOrder: "in the suite's order",
  };
}
