import type { MethodOptions, OptionSchema, OptionValue } from "../method_options.ts";
import type { ConfigFields } from "./config_fields.ts";

/** Names of options that `adapter_config.json` has a field for. */
type Named<Schema> = {
  [Name in keyof Schema]: Schema[Name] extends { readonly field: readonly unknown[] } ? Name : never;
}[keyof Schema];

/** Values of the options that `adapter_config.json` has a field for. */
export type FieldValues<Schema extends OptionSchema> = {
  readonly [Name in Named<Schema>]: Schema[Name] extends { readonly kind: "text" }
    ? Schema[Name] extends { readonly choices: readonly (infer Choice)[] } ? Choice : string
    : Schema[Name] extends { readonly kind: "boolean" } ? boolean
    : number;
};

/** Options as fields of `adapter_config.json`, in the order in which they are given. */
export function optionFields(schema: OptionSchema, options: MethodOptions): Record<string, OptionValue> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => {
      const field = schema[name]?.field;
      return field && value !== undefined ? [[field[0], value]] : [];
    }),
  );
}

/** Options that fields of `adapter_config.json` hold. Throws an Error that names a field of another kind. */
export function readOptions<Schema extends OptionSchema>(fields: ConfigFields, schema: Schema): FieldValues<Schema> {
  const read = Object.entries(schema).flatMap(([name, option]): [string, string | number | boolean][] => {
    if (!option.field) return [];
    const [field] = option.field;
    if (option.kind === "text") return [[name, fields.choice(field, option.choices)]];
    if (option.kind === "boolean") return [[name, fields.flag(field, option.field[1])]];
    return [[name, fields.number(field, option.field[1])]];
  });
  // An entry for each option with a field, of the option's kind.
  return Object.fromEntries(read) as FieldValues<Schema>;
}
