/** The adapter, as far as the choice of kernels depends on it. */
export interface KernelTarget {
  readonly adapter: "lavapipe" | "swiftshader" | "other";
  readonly isSoftware: boolean;
  /** Lanes of a subgroup; 0 where there are none, or of no fixed number. */
  readonly subgroupSize: number;
  readonly maxInvocations: number;
}
