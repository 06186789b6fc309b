import { type Compiled, compileFunction, runtimeOf } from "../compile/compiled.ts";
import type { ExplainOptions } from "../compile/explain.ts";
import type { FunctionMemory } from "../compile/function_memory.ts";
import type { Runtime } from "../compile/runtime.ts";
import type { DispatchTime, ProfileClock } from "../compile/timer.ts";
import { currentExecutor } from "../tensor/executor.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Structure, type Tree, treeFlatten, treeUnflatten } from "../tensor/tree.ts";
import { argumentPaths } from "./argument_paths.ts";

/** Options of {@linkcode jit}. */
export interface JitOptions {
  /**
   * Positions of arguments whose tensors are given up: their memory is taken over by results of the same shape and
   * dtype, and reading them afterwards is an error. Tensors that come out as they went in are not given up.
   */
  readonly donate?: readonly number[];
}

/** A function that was compiled to plans, one for each signature of shapes, dtypes and static values. */
// deno-lint-ignore no-explicit-any -- the function's own types say what goes in and out
export interface JittedFunction<F extends (...args: any[]) => any> {
  /** Runs the function. Resolves once the work is encoded; at most two calls are in flight on the device. */
  (...args: Parameters<F>): Promise<ReturnType<F>>;
  /** Traces and compiles for such arguments without running. */
  compile(...args: Parameters<F>): Promise<void>;
  /**
   * Runs the function as a call does, donation included, and times each dispatch: by the device's own clock, or by
   * repeating each one afterwards, on copies of what was donated, where the adapter has no timestamps. `clock` says
   * which; repetition finds caches warm.
   */
  profile(
    ...args: Parameters<F>
  ): Promise<{ value: ReturnType<F>; clock: ProfileClock; dispatches: DispatchTime[] }>;
  /**
   * Every plan made so far, in words: dispatches with what was fused into each, their work and what they move, and the
   * memory. In `in0 → m1`, `in` is a leaf (an argument or a captured tensor), `m` a buffer of the plan's own, `a` several
   * leaves side by side, `t` a leaf's copy as a texture, `p` a texture into which an operand is packed.
   */
  explain(options?: ExplainOptions): string;
  /** What takes the bytes, for every plan made so far; `formatMemory()` puts one into words. */
  memory(): FunctionMemory[];
  /** Gives back the plans' memory. */
  dispose(): void;
}

interface Trace {
  readonly compiled: Compiled;
  readonly outputs: Structure;
}

/** How many leaves a structure takes. */
function countLeaves(structure: Structure): number {
  if (structure.kind === "leaf") return 1;
  return structure.kind === "value" ? 0 : structure.parts.reduce((count, part) => count + countLeaves(part), 0);
}

const isDynamic = (value: unknown): boolean => value instanceof Tensor || typeof value === "number";

/** Static values get numbers by identity, so that a signature can name them. */
const identities = new WeakMap<object, number>();
let identityCount = 0;

function staticKey(value: unknown): string {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") {
    return `${typeof value} ${String(value)}`;
  }
  let identity = identities.get(value);
  if (identity === undefined) identities.set(value, identity = ++identityCount);
  return `#${identity}`;
}

function structureKey(structure: Structure): string {
  switch (structure.kind) {
    case "leaf":
      return "*";
    case "value":
      return staticKey(structure.value);
    case "array":
      return `[${structure.parts.map(structureKey).join()}]`;
    case "opaque":
      return `${structure.node.constructor.name}(${structure.parts.map(structureKey).join()})`;
    case "object":
      return `{${structure.keys.map((key, i) => `${key}:${structureKey(structure.parts[i])}`).join()}}`;
  }
}

/**
 * Compiles a pure function of trees. The first call with a signature of shapes, dtypes and static values (strings,
 * booleans, functions) traces it and makes a plan: one submission with all memory laid out beforehand. Later calls only
 * run the plan. Numbers among the arguments are data (f32 scalars), so another number needs no other plan.
 *
 * The function must not read data while it is traced; a branch on data is `where()`.
 */
// deno-lint-ignore no-explicit-any -- any function of trees
export function jit<F extends (...args: any[]) => any>(f: F, options: JitOptions = {}): JittedFunction<F> {
  const { donate = [] } = options;
  const traces = new Map<string, Promise<Trace>>();
  const finished: Trace[] = [];

  const flatten = (args: readonly Tree[]) => {
    const donated = new Set<number>();
    const leaves: Tensor[] = [];
    const structures = args.map((arg, position) => {
      const flat = treeFlatten<Tensor | number>(arg, isDynamic);
      for (const leaf of flat.leaves) {
        if (donate.includes(position)) donated.add(leaves.length);
        leaves.push(
          leaf instanceof Tensor ? leaf : new Tensor([], "f32", { kind: "host", data: Float32Array.of(leaf) }),
        );
      }
      return flat.structure;
    });
    return { leaves, donated, structures };
  };

  const trace = (runtime: Runtime, args: readonly Tree[]) => {
    const { leaves, donated, structures } = flatten(args);
    const signature = structures.map(structureKey).join(";") +
      leaves.map(({ dtype, shape }) => `|${dtype}${shape}`).join("");
    let known = traces.get(signature);
    if (!known) {
      known = (async (): Promise<Trace> => {
        const placeholders = leaves.map(({ shape, dtype }, index) =>
          new Tensor(shape, dtype, { kind: "argument", index })
        );
        let position = 0;
        const traced = structures.map((structure) => {
          const count = countLeaves(structure);
          return treeUnflatten(structure, placeholders.slice(position, position += count));
        });
        const paths = argumentPaths(f, structures);
        const firstId = placeholders[0]?.id ?? new Tensor([], "f32", { kind: "host", data: new Float32Array(1) }).id;
        const result = runtime.tracing(() => f(...traced));
        if (result instanceof Promise) {
          result.catch(() => {}); // what it rejects with is less telling than this
          throw new TypeError(
            `jit: ${f.name || "the function"} is asynchronous: a traced function must not wait for data`,
          );
        }
        const { leaves: results, structure } = treeFlatten<Tensor | number>(result, isDynamic);
        const outputs = results.map((leaf) =>
          leaf instanceof Tensor ? leaf : new Tensor([], "f32", { kind: "host", data: Float32Array.of(leaf) })
        );
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

  const call = async (...args: Parameters<F>): Promise<ReturnType<F>> => {
    const runtime = runtimeOf(currentExecutor());
    const { leaves, known } = trace(runtime, args);
    const { compiled, outputs } = await known;
    return treeUnflatten(outputs, await compiled.run(leaves));
  };

  return Object.assign(call, {
    async compile(...args: Parameters<F>): Promise<void> {
      await trace(runtimeOf(currentExecutor()), args).known;
    },
    async profile(
      ...args: Parameters<F>
    ): Promise<{ value: ReturnType<F>; clock: ProfileClock; dispatches: DispatchTime[] }> {
      const { leaves, known } = trace(runtimeOf(currentExecutor()), args);
      const { compiled, outputs } = await known;
      const { results, clock, dispatches } = await compiled.profile(leaves);
      return { value: treeUnflatten(outputs, results), clock, dispatches };
    },
    explain(options: ExplainOptions = {}): string {
      return finished.map(({ compiled }) => compiled.explain(options)).join("\n\n");
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
