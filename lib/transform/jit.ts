import { type Compiled, compileFunction, runtimeOf } from "../compile/run/compiled.ts";
import { type ExplainOptions, explainPlan } from "../compile/inspect/explain.ts";
import type { PlanSummary } from "../compile/inspect/plan_summary.ts";
import type { FunctionMemory } from "../compile/inspect/function_memory.ts";
import { Runtime } from "../compile/run/runtime.ts";
import type { DispatchTime, ProfileClock } from "../compile/inspect/dispatch_times.ts";
import { ambientExecutor, currentExecutor } from "../tensor/executor.ts";
import { Hold } from "../tensor/hold.ts";
import { goneOf, makeTensor, nextId, Tensor } from "../tensor/tensor.ts";
import { type Structure, type StructureNode, type Tree, treeFlatten, treeUnflatten } from "../tensor/tree.ts";
import { argumentPaths } from "./argument_paths.ts";
import type { AnyFunction } from "./grad.ts";
import type { JitArguments, JitOptions, JittedFunction, TakesNumbers, WantsNumbers } from "./jit_types.ts";
import { staticKey, structureKey } from "./signature.ts";

interface Trace {
  readonly compiled: Compiled;
  readonly outputs: Structure<Tree>;
}

/** How many leaves a structure takes. */
function countLeaves(structure: StructureNode): number {
  if (structure.kind === "leaf") return 1;
  return structure.kind === "value" ? 0 : structure.parts.reduce((count, part) => count + countLeaves(part), 0);
}

function isDynamic(value: unknown): value is Tensor | number {
  return value instanceof Tensor || typeof value === "number";
}

/** What is known of a function's type while it is traced: trees go in, and what comes out is looked at. */
type Traceable = (...args: readonly Tree[]) => Tree;

/** Runs what was traced once it is compiled. Arguments are held from the call on, whatever becomes of them meanwhile. */
async function runHeld<R>(
  leaves: readonly Tensor[],
  known: Promise<Trace>,
  run: (compiled: Compiled) => Promise<R>,
): Promise<R> {
  for (const leaf of leaves) {
    const gone = goneOf(leaf);
    if (gone !== undefined) throw new Error(`jit: an argument of shape [${leaf.shape.join(", ")}] was ${gone}`);
  }
  let running: Promise<R>;
  {
    using _waiting = new Hold(leaves);
    const { compiled } = await known;
    running = run(compiled); // takes shares of its own
  }
  return await running;
}

/**
 * Refuses a function that asks for a bare `number`, by its type: numbers among the arguments of a jitted function reach
 * it as tensors. What this gives cannot be called, and its type says what to do.
 */
export function jit<F extends AnyFunction, const Static extends number = never>(
  f: F & WantsNumbers<F, Static>,
  options?: JitOptions<Static>,
): TakesNumbers;
/**
 * Compiles a pure function of trees. The first call with a signature of shapes, dtypes and static values (text,
 * booleans, functions, and the arguments named in `static`) traces it and makes a plan: one submission with all memory
 * laid out beforehand. Later calls only run the plan. Numbers among the arguments are data: the function gets an f32
 * scalar tensor for each, so another number needs no other plan. Numbers in its result come back as they are.
 *
 * The function must not read data while it is traced; a branch on data is {@linkcode where}.
 *
 * Calls reject with a TypeError where an object of a class stands among the arguments or in the result and is no
 * {@linkcode TreeNode}, or where the function is asynchronous, and throw one inside a function that is being traced.
 * They reject with an Error where an argument was disposed or donated before, and with the faults of earlier calls.
 *
 * @param f The function: pure, synchronous, its numbers typed as tensors.
 * @param options What is donated, and what is static.
 * @returns An asynchronous function of the same arguments.
 *
 * @see [jax.jit](https://docs.jax.dev/en/latest/_autosummary/jax.jit.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const power = (x: dd.Tensor, factor: dd.Tensor, times: number) => {
 *   for (let i = 0; i < times; i++) x = dd.mul(x, factor); // `times` is static, so that it is a number here
 *   return x;
 * };
 * const compiled = dd.jit(power, { static: [2] });
 * console.log(await (await compiled(dd.tensor([1, 2]), 0.5, 2)).data()); // Float32Array [0.25, 0.5]
 * ```
 */
export function jit<F extends AnyFunction, const Static extends number = never>(
  f: F,
  options?: JitOptions<Static>,
): JittedFunction<F>;
export function jit(f: Traceable, options: JitOptions = {}): JittedFunction<Traceable> | TakesNumbers {
  const { donate = [], static: fixed = [], names } = options;
  const isStatic = (position: number) => fixed.includes(position);
  const traces = new Map<string, Promise<Trace>>();
  const finished: Trace[] = [];

  const flatten = (args: readonly Tree[]) => {
    const donated = new Set<number>();
    const leaves: Tensor[] = [];
    const structures = args.map((arg, position): Structure<Tree> => {
      if (isStatic(position)) return { kind: "value", value: arg };
      const flat = treeFlatten(arg, isDynamic);
      for (const leaf of flat.leaves) {
        if (donate.includes(position)) donated.add(leaves.length);
        leaves.push(
          leaf instanceof Tensor ? leaf : makeTensor([], "f32", { kind: "host", data: Float32Array.of(leaf) }),
        );
      }
      return flat.structure;
    });
    return { leaves, donated, structures };
  };

  /** Tells a call from others that need another plan. */
  const signatureOf = (structures: readonly StructureNode[], leaves: readonly Tensor[]): string =>
    structures.map((structure, position) =>
      isStatic(position) && structure.kind === "value" ? staticKey(structure.value) : structureKey(structure)
    ).join(";") + leaves.map(({ dtype, shape }) => `|${dtype}${shape}`).join("");

  const trace = (runtime: Runtime, args: readonly Tree[]) => {
    const { leaves, donated, structures } = flatten(args);
    const signature = signatureOf(structures, leaves);
    let known = traces.get(signature);
    if (!known) {
      known = (async (): Promise<Trace> => {
        const firstId = nextId();
        const placeholders = leaves.map(({ shape, dtype }, index) =>
          makeTensor(shape, dtype, { kind: "argument", index })
        );
        let position = 0;
        const traced = structures.map((structure) => {
          const count = countLeaves(structure);
          return treeUnflatten(structure, placeholders.slice(position, position += count));
        });
        const paths = argumentPaths(structures, names);
        const result = runtime.tracing(() => f(...traced));
        if (result instanceof Promise) {
          result.catch(() => {}); // what it rejects with is less telling than this
          throw new TypeError(
            `jit: ${f.name || "the function"} is asynchronous: a traced function must not wait for data`,
          );
        }
        const { leaves: outputs, structure } = treeFlatten(result);
        const compiled = await compileFunction(runtime, {
          placeholders,
          outputs,
          donated,
          firstId,
          name: f.name,
          paths,
        });
        const done = { compiled, outputs: structure };
        finished.push(done);
        return done;
      })();
      traces.set(signature, known);
      known.catch(() => traces.delete(signature));
    }
    return { leaves, known };
  };

  /** Another function that is being traced needs results at once, and could not catch a promise that rejects. */
  const refuseInsideTrace = (): void => {
    const executor = ambientExecutor();
    if (!(executor instanceof Runtime && executor.isTracing)) return;
    throw new TypeError(
      `Cannot call ${
        f.name ? `the jitted ${f.name}` : "a jitted function"
      } inside a function that is being traced, as ` +
        "it gives a promise: call the function that was handed to jit() there",
    );
  };

  const outsideTraces =
    <Result>(call: (args: JitArguments<Traceable>) => Promise<Result>) => (...args: JitArguments<Traceable>) => {
      refuseInsideTrace();
      return call(args);
    };

  const run = async (args: JitArguments<Traceable>): Promise<Tree> => {
    const { leaves, known } = trace(runtimeOf(currentExecutor()), args);
    const results = await runHeld(leaves, known, (compiled) => compiled.run(leaves));
    return treeUnflatten((await known).outputs, results);
  };

  const profile = (isApart: boolean) =>
  async (
    args: JitArguments<Traceable>,
  ): Promise<{ value: Tree; clock: ProfileClock; dispatches: DispatchTime[] }> => {
    const { leaves, known } = trace(runtimeOf(currentExecutor()), args);
    const profiled = await runHeld(leaves, known, (compiled) => compiled.profile(leaves, { isApart }));
    const { results, clock, dispatches } = profiled;
    return { value: treeUnflatten((await known).outputs, results), clock, dispatches };
  };

  return Object.assign(outsideTraces(run), {
    compile: outsideTraces(async (args) => void await trace(runtimeOf(currentExecutor()), args).known),
    profile: outsideTraces(profile(false)),
    profileApart: outsideTraces(profile(true)),
    explain(options: ExplainOptions = {}): string {
      return finished.map(({ compiled }) => explainPlan(compiled.summary(), options)).join("\n\n");
    },
    plans(): PlanSummary[] {
      return finished.map(({ compiled }) => compiled.summary());
    },
    memory(): FunctionMemory[] {
      return finished.map(({ compiled }) => compiled.memory());
    },
    dispose(): void {
      for (const { compiled } of finished.splice(0)) compiled.dispose();
      traces.clear();
    },
  });
}
