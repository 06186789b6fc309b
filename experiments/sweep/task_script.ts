import { TASK } from "./sweep_file.ts";

/** A word as shells read it back. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a task's script is made of. */
export interface TaskScript {
  /** The folder of the sweep, as the task sees it. */
  readonly sweep: string;
  /** The variable that has the task's place in its submission. */
  readonly index: string;
  /** The variables that say of which job and attempt its log is. */
  readonly attempt: string;
  readonly cwd: string;
  readonly command: readonly string[];
  readonly preamble: readonly string[];
  /** The signal that tells of the time limit, and what is done once the state is saved, where that is wanted. */
  readonly limit?: { readonly signal: string; readonly goOn: string };
}

/**
 * Lines of shell that run one task of a submission, whose path is the first argument: what it says goes into the task's
 * log, signals that ask it to end reach the command, and it does not begin where its submission is no more.
 */
export function taskLines(script: TaskScript): string {
  const { sweep, index, attempt, cwd, command, preamble, limit } = script;
  const partOf = (part: string) => part === "" ? "" : shellWord(part);
  const words = command.map((word) => word.split(TASK).map(partOf).join('"$folder"'));
  return `submission=${shellWord(sweep)}/submissions/$1
for end in lost cancelled; do
  if [ -e "$submission.$end" ]; then echo "$submission is $end"; exit 0; fi
done
folder=${shellWord(sweep)}/tasks/$(sed -n "$((${index} + 1))p" "$submission.tasks")
exec >>"$folder/log.txt" 2>&1
echo "$(date -u +%FT%TZ) on $(hostname): ${attempt}"
cd ${shellWord(cwd)} || exit 1
${preamble.map((line) => `${line}\n`).join("")}${words.join(" ")} &
child=$!
limited=
trap 'kill -TERM "$child"' TERM INT
${limit ? `trap 'limited=yes; kill -TERM "$child"' ${limit.signal}\n` : ""}wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done # signals end a wait before the command has ended
${limit ? `if [ -n "$limited" ] && [ "$code" -ne 0 ]; then ${limit.goOn}; fi\n` : ""}exit "$code"
`;
}
