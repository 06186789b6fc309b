import { installOperations } from "../tensor/operations.ts";
import * as functions from "./functions.ts";

// Loading this file gives tensors their methods: lib/tensor knows how they are called, and nothing of what they do. A
// method is the function of its name, but for these two.
installOperations({
  ...functions,
  astype: functions.cast,
  at: (x, index, { axis = 0 } = {}) => functions.select(x, { axis, index }),
});
