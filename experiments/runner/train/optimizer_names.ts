/** Names of optimizers. */
export const OPTIMIZERS = ["adamw", "sgd"] as const;

/** Names of schedules. */
export const SCHEDULES = ["constant", "linear", "cosine"] as const;
