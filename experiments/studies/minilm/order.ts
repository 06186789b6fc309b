// deno run experiments/studies/minilm/order.ts EXAMPLES BATCH SEED STEPS
// Prints the order in which `deno task train` takes examples, as JSON: for each step the indices of its batch.
import { batchOrder } from "../../../lib/data/batch_order.ts";

const [examples, batchSize, seed, steps] = Deno.args.map(Number);
const rowsOf = batchOrder(examples, () => 0, { batchSize, seed, window: 1 });
console.log(JSON.stringify(Array.from({ length: steps }, (_, step) => rowsOf(step))));
