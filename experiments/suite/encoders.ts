import { fileURLToPath } from "node:url";

/** Sizes of the suite's encoders: the small one ships, `deno task pretrain` makes the other. */
export const ENCODER_SIZES = ["small", "base"] as const;

/** Name of a size. */
export type EncoderSize = typeof ENCODER_SIZES[number];

/** An encoder of the suite: what it is called, where it lies, and how large it is. */
export interface SuiteEncoder {
  /** What flags and configuration files call it. */
  readonly model: string;
  /** What specs call it. */
  readonly name: string;
  readonly url: URL;
  /** How its weights are stored. */
  readonly floats: "F32" | "F16";
  readonly sizes: {
    readonly hiddenSize: number;
    readonly layers: number;
    readonly heads: number;
    readonly maxLength: number;
  };
}

/** The suite's encoders. */
export const SUITE_ENCODERS: Readonly<Record<EncoderSize, SuiteEncoder>> = {
  small: {
    model: "suite",
    name: "suite-encoder",
    url: new URL("./encoder.safetensors", import.meta.url),
    floats: "F32",
    sizes: { hiddenSize: 64, layers: 2, heads: 4, maxLength: 64 },
  },
  base: {
    model: "suite-base",
    name: "suite-base-encoder",
    url: new URL("./base_encoder.safetensors", import.meta.url),
    floats: "F16", // 3.4 MB in F32
    sizes: { hiddenSize: 128, layers: 4, heads: 4, maxLength: 64 },
  },
};

/** The size of which an encoder is that flags call so; `undefined` where none is. */
export function sizeOfModel(model: string): EncoderSize | undefined {
  return ENCODER_SIZES.find((size) => SUITE_ENCODERS[size].model === model);
}

/** The size of which an encoder is that specs call so; `undefined` where none is. */
export function sizeOfName(name: string): EncoderSize | undefined {
  return ENCODER_SIZES.find((size) => SUITE_ENCODERS[size].name === name);
}

/** What finds a model for the specs of studies: an encoder of the suite by its name there, the small one by none. */
export function studiedModel(model: string | undefined): string | undefined {
  const size = model === undefined ? undefined : sizeOfModel(model);
  if (size === undefined) return model;
  return size === "small" ? undefined : SUITE_ENCODERS[size].name;
}

/**
 * The command that makes an encoder's file, or what is read off it in probes (`teach`), as messages name it: its flags
 * between backquotes, as options of `pretrain`.
 */
export function pretrainCommand(
  url: URL,
  { teach = false, overwrite = false }: { readonly teach?: boolean; readonly overwrite?: boolean } = {},
): string {
  const size = ENCODER_SIZES.find((size) => SUITE_ENCODERS[size].url.href === url.href);
  return [
    "deno task pretrain",
    ...teach ? ["`pretrain.teach`"] : [],
    size === undefined ? `\`pretrain.out\` ${fileURLToPath(url)}` : `\`pretrain.size\` ${size}`,
    ...overwrite ? ["`pretrain.overwrite`"] : [],
  ].join(" ");
}
