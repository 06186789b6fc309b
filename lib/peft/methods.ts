// A line for each method: what of it others call, and its description, which makes it one of `METHODS`.
export { adalora, type AdaloraAux, adaloraMethod, type AdaloraOptions, type Triplets } from "./adalora.ts";
export { bitfit, bitfitMethod, type BitfitOptions } from "./bitfit.ts";
export { chainOfLora, chainOfLoraMethod, type ChainOfLoraOptions } from "./chain_of_lora.ts";
export { deltaLora, type DeltaLoraAux, deltaLoraMethod, type DeltaLoraOptions } from "./delta_lora.ts";
export { dora, type DoraFactors, doraMethod, type DoraOptions } from "./dora.ts";
export { dylora, dyloraAt, type DyloraAux, dyloraMethod, type DyloraOptions } from "./dylora.ts";
export { floraMethod } from "./flora.ts";
export { full, fullMethod, type FullOptions, type FullTrainable } from "./full.ts";
export { galoreMethod } from "./galore.ts";
export { hira, hiraMethod, type HiraOptions } from "./hira.ts";
export { houlsby, houlsbyMethod } from "./houlsby.ts";
export { linearProbe, linearProbeMethod, type LinearProbeOptions } from "./linear_probe.ts";
export { lora, loraMethod, type LoraOptions } from "./lora.ts";
export {
  loraFa,
  type LoraFaAux,
  type LoraFaFactors,
  type LoraFaFrozen,
  loraFaMethod,
  type LoraFaOptions,
} from "./lora_fa.ts";
export { loraPlus, loraPlusMethod, type LoraPlusOptions } from "./lora_plus.ts";
export { mora, type MoraFactors, type MoraMap, moraMethod, type MoraOptions } from "./mora.ts";
export { periodicLora, periodicLoraMethod, type PeriodicLoraOptions } from "./periodic_lora.ts";
export { pfeiffer, pfeifferMethod } from "./pfeiffer.ts";
export { pissa, type PissaAux, pissaMethod, type PissaOptions } from "./pissa.ts";
export { relora, reloraMethod, type ReloraOptions } from "./relora.ts";
export { rslora, rsloraMethod } from "./rslora.ts";
export { scaledLora, type ScaledLoraAux, scaledLoraMethod, type ScaledLoraOptions } from "./scaled_lora.ts";
export { vera, type VeraAux, type VeraFactors, veraMethod, type VeraOptions } from "./vera.ts";
