/** The method against which others are compared where nothing else is said. */
export const BASELINE = "lora";
